"""Theory without a trace: what GPUs can do, and the floor of the time of some work.

Stands beside the way of a datum and knows none of it.

============ ==========================================================================
`hardware`   NVIDIA's GPUs: dense peaks, bandwidths, ridge points (figures in gpus.toml)
`floors`     FLOP, bytes and floors of layers, models and shapes
============ ==========================================================================
"""
