"""Theory without a trace: what GPUs can do, and the floor of the time of some work.

Stands beside the way of a datum and knows none of it.

================ ============================================================================
`hardware`       NVIDIA's GPUs: dense peaks, bandwidths, ridge points (figures in gpus.toml)
`floors`         what the roofline says of FLOP and bytes; layers
`layers`         kinds of layers: their weights, and what one of several GPUs holds
`config`         values of a config.json, refused by name when they are of no use
`quantised`      what a quantization_config says of which weights
`models`         models of all this
`architectures`  which model a config.json describes, or dimensions do
`serving`        decode steps and prefill of a model
`shapes`         tiles and waves of a GEMM
`solve`          where work becomes compute-bound, what fits, the largest batch under a latency
`useful`         FLOP of one layer of each kind, to compare with counters
================ ============================================================================
"""
