-- Which rank comes late to the collectives and makes the others wait?
--
-- NVIDIA's counterpart: nsys recipe nccl_straggler, of versions after 2025.3. A rank is a process and a
-- device. Its kernel cannot finish before that of the last rank has begun, so whoever begins earlier waits.
-- Kernels are runs of one collective when they are of one communicator, or where none was recorded of one
-- name, and all run at the same time. Traces of one job (a report per rank) are compared with each other:
-- the clocks of their hosts are set by the collectives' ends.
-- @of     timeline
-- @param  communication VARCHAR = NULL  name or pattern, ignoring case, of communication kernels
-- @param  names VARCHAR(short|full|distinct) = 'short'  names, see the view kernel_names
-- @needs  kernels timeline
-- @column trace VARCHAR                 name of the trace
-- @column kernel VARCHAR                communication kernel
-- @column communicator VARCHAR          hash of NCCL's communicator; NULL if not recorded
-- @column pid BIGINT                    process
-- @column device_id INTEGER             CUDA device ordinal within the process
-- @column collectives BIGINT            runs with another rank in the same collective
-- @column alone BIGINT                  runs without: the other ranks' runs were not recorded, or not found
-- @column times_last BIGINT             how often this rank was the last one to begin
-- @column late_ns BIGINT                its starts after those of the first rank, in all
-- @column median_late_ns DOUBLE         median of these
-- @column max_late_ns BIGINT            the most it was late
-- @column waited_ns BIGINT              its starts before those of the last rank, in all
-- @column waited_pct DOUBLE             of the time of its kernels in these collectives
-- @column clock_offset_ns BIGINT        how far its trace's clock is ahead of that of the job's first trace
-- @chart  bars x=kernel y=waited_ns
-- @note   SELECT format(
-- @note   'By the ends of collectives, the clock of {} is {:,} ns ahead of that of its job''s first trace',
-- @note   trace, any_value(clock_offset_ns))
-- @note   FROM answer GROUP BY trace HAVING any_value(clock_offset_ns) <> 0 ORDER BY trace
-- @empty  No collective of that name ran on two GPUs at the same time.

SELECT * EXCLUDE (process_id, began_ns, ended_ns)
FROM delays_of_ranks($trace, $names, $communication, true)
ORDER BY trace, kernel, communicator, late_ns DESC, pid, process_id, device_id
