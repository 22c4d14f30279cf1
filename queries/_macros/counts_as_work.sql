-- Whether an operation counts as GPU work: everything does, but whole CUDA graphs only where asked for.
-- @param  kind VARCHAR    of the operation, see gpu_operations
-- @param  graphs BOOLEAN  count whole CUDA graphs

graphs OR kind <> 'graph'
