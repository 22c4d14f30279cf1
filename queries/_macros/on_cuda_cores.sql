-- Whether a kernel multiplies matrices on the CUDA cores, by its name.
--
-- cuBLAS calls such kernels sgemm, hgemm or ffma, CUTLASS simt. Those of the tensor cores are s884gemm,
-- s16816gemm, tf32f32, tensorop or nvjet.
-- @param  full_name VARCHAR  full C++ name of the kernel

regexp_matches(full_name, '(^|[^a-z0-9])[sh]gemm|_simt_|OpClassSimt|_ffma_|gemmSN_', 'i')
