from made.case import Case, down
from made.nsys import Recording, kernel


def products(gpu: str) -> Recording:
    """Of cuBLAS and CUTLASS on the CUDA cores, and one on the tensor cores."""
    simt = "void cutlass::Kernel2<cutlass_80_simt_sgemm_128x64_8x5_nn_align1>(Params)"
    return (
        Recording()
        .gpu(0, gpu, cuda=0)
        .work(kernel("ampere_sgemm_128x64_tn", 10, 310))
        .work(kernel("ampere_sgemm_128x64_tn", 310, 610))
        .work(kernel("Kernel2", 610, 710, full=simt))
        .work(kernel("sm80_xmma_gemm_f32f32_tf32f32_f32_nn", 710, 810))
        .work(kernel("nvjet_sm90_tst", 810, 910))
        .work(kernel("ampere_fp16_s16816gemm_fp16_128x64_nn", 910, 1010))
    )


CASES = [
    Case(
        "products that names tell to be of CUDA cores cost what the peak of the tensor cores leaves over, if there are any",
        traces={"a": products("NVIDIA H100 80GB HBM3"), "older": products("Tesla P100-PCIE-16GB")},
        expected=down(
            """
            trace       a
            code        cuda_core_products
            severity    high
            # 66.9 TFLOP/s of fp32 are a fifteenth of 989.4 of fp16.
            saving_ns   653
            saving_pct  65.3
            numbers     {instances: 3.0, gpu_ns: 700.0, share_pct: 70.0, times_faster: 14.789237668161435}
            texts       {kernel: ampere_sgemm_128x64_tn}
            range       NULL
            start_ns    10
            end_ns      710
            """
        ),
    ),
    Case(
        "products before the first step behind warm-up, as those that are tried out, are start-up",
        traces={
            "a": Recording()
            .gpu(0, "NVIDIA H100 80GB HBM3", cuda=0)
            .work(kernel("ampere_sgemm_32x32_nn", 0, 400))
            .range("step 0", 400, 480)
            .call("cudaLaunchKernel_v7000", 410, 412, kernel("ampere_sgemm_128x64_tn", 420, 470))
            .range("step 1", 500, 520)
            .call("cudaLaunchKernel_v7000", 501, 502, kernel("ampere_sgemm_128x64_tn", 500, 515))
            .range("step 2", 530, 550)
            .call("cudaLaunchKernel_v7000", 531, 532, kernel("ampere_sgemm_128x64_tn", 535, 550))
            .range("step 3", 560, 580)
            .call("cudaLaunchKernel_v7000", 561, 562, kernel("copy_kernel", 570, 580))
        },
        expected=down(
            """
            trace       a
            code        cuda_core_products
            severity    medium
            # Of the 30 of steps 1 and 2.
            saving_ns   28
            # Of 580 without the gaps of 20 and 30 until step 1.
            saving_pct  2800/530
            numbers     {instances: 2.0, gpu_ns: 30.0, share_pct: 75.0, times_faster: 14.789237668161435}
            texts       {kernel: ampere_sgemm_128x64_tn}
            range       NULL
            start_ns    500
            end_ns      550
            """
        ),
    ),
]
