-- What NVIDIA's reports call the kind of a GPU operation.
--
-- They leave out whole graphs, whose name is made like theirs.
-- @param  kind VARCHAR  of the operation, see gpu_operations

CASE kind WHEN 'kernel' THEN 'CUDA_KERNEL' WHEN 'graph' THEN 'CUDA_GRAPH' ELSE 'MEMORY_OPER' END
