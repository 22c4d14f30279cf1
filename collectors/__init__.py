"""Scripts that record reports of real workloads, each with ``--help``, ``--dry-run`` and resume.

Start one by its name, ``traceql collect vllm-decode-sweep --out results/decode``, or, in a clone that
is installed (``pip install -e .``), its file. The wheel has them under ``traceql/scripts``. The part
that plans, prints and keeps results needs click and rich and nothing else; torch and vllm are imported in the
worker, a child process that may run under nsys or ncu.
"""
