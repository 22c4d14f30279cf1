-- The size of a collective as NVIDIA's nccl-tests count it: of the whole array, not of one rank's part.
--
-- doc/PERFORMANCE.md: of an all-gather or a reduce-scatter, the count of one rank times the ranks. NCCL tells
-- the part of one rank (src/collectives.cc).
-- @param  function VARCHAR      function of NCCL
-- @param  message_bytes BIGINT  size of the message, as NCCL tells it
-- @param  ranks BIGINT          in the communicator

CASE WHEN function IN (
         'ncclAllGather', 'ncclReduceScatter', 'ncclAlltoAll', 'ncclAllToAll', 'ncclGather', 'ncclScatter'
     ) THEN message_bytes * ranks
     ELSE message_bytes END
