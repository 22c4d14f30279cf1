-- The NVTX domains of libraries that mark their calls as ranges.
-- @column domain VARCHAR   domain, in small letters
-- @column library VARCHAR  library, as calls_of_libraries names it

SELECT domain, library
FROM (
    VALUES ('cublas', 'cuBLAS'), ('cudnn', 'cuDNN'), ('cusparse', 'cuSPARSE'), ('cusolver', 'cuSOLVER'),
           ('cufft', 'cuFFT'), ('cutensor', 'cuTENSOR'), ('nccl', 'NCCL'), ('nvshmem', 'NVSHMEM'),
           ('cccl', 'CCCL'), ('tensorrt', 'TensorRT'), ('ucx', 'UCX')
) AS domains(domain, library)
