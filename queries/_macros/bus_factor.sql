-- By what the algorithm bandwidth of a collective is multiplied to get the bandwidth of a rank's links.
--
-- NVIDIA, nccl-tests, doc/PERFORMANCE.md: 2 (n - 1) / n for an all-reduce, (n - 1) / n for what each rank
-- has a part of, and 1 for what goes from or to one rank. NULL for what is not known, and groups of several
-- functions.
-- @param  function VARCHAR  function of NCCL
-- @param  ranks BIGINT      in the communicator

CASE WHEN function = 'ncclAllReduce' THEN 2.0 * (ranks - 1) / ranks
     WHEN function IN (
         'ncclAllGather', 'ncclReduceScatter', 'ncclAlltoAll', 'ncclAllToAll', 'ncclGather', 'ncclScatter'
     ) THEN 1.0 * (ranks - 1) / ranks
     WHEN function IN ('ncclBroadcast', 'ncclBcast', 'ncclReduce', 'ncclSend', 'ncclRecv') THEN 1.0 END
