-- Whether a matrix product is computed by the CUDA cores, as the names of libraries tell: cuBLAS (sgemm, ffma),
-- CUTLASS (simt). Names of tensor cores' are s884gemm, s16816gemm, tf32f32, tensorop, nvjet.
-- @param  full_name VARCHAR  full C++ name of the kernel

regexp_matches(full_name, '(^|[^a-z0-9])[sh]gemm|_simt_|OpClassSimt|_ffma_|gemmSN_', 'i')
