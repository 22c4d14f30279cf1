"""Scripts that record reports of real workloads, each with ``--help``, ``--dry-run`` and resume.

Run one from a clone of the repository: ``python -m collectors.vllm_decode_sweep --out results/decode``. The
part that plans, prints and keeps results needs click and rich and nothing else; torch and vllm are imported
in the worker, a child process that may run under nsys or ncu.
"""
