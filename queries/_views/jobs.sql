-- Which traces make a job, and which rank each of their processes is on each of its GPUs.
--
-- Told by the tags job and rank; else by what reports know: see job_ranks. Numbers that ranks have in common
-- are as they were given.
-- @column trace_id BIGINT            the trace, see traces
-- @column trace VARCHAR              name of the trace
-- @column job VARCHAR                name of the job: its tag, or the name of its first trace
-- @column job_known_by VARCHAR       tag, communicator (shared), ends (of collectives that fit) or alone
-- @column process_id BIGINT          process, see processes; NULL of a trace without GPU work
-- @column pid BIGINT                 process
-- @column gpu_id INTEGER             the GPU, see gpus
-- @column device_id INTEGER          CUDA device ordinal within the process
-- @column rank BIGINT                number of the rank; NULL if it is not known, while others' are
-- @column rank_known_by VARCHAR      tag, communicator, name (of the trace) or order (of processes)
-- @column communicator_ranks BIGINT  ranks of its largest communicator, told by calls that make one
-- @column host BIGINT                number of the machine in the job, by the tag host or GPUs in common
-- @column gpu VARCHAR                name of the GPU
-- @column gpu_hash VARCHAR           tells the GPU from others, see gpus
-- @column clock_offset_ns BIGINT     by how much its clock is ahead of that of the job's first trace
-- @column clock_known_by VARCHAR     communicator, ends or UTC; NULL of the trace whose clock it is

SELECT
    trace_id,
    trace,
    job,
    job_known_by,
    process_id,
    pid,
    gpu_id,
    device_id,
    rank,
    rank_known_by,
    communicator_ranks,
    host,
    gpu,
    gpu_hash,
    clock_offset_ns,
    clock_known_by
FROM job_ranks(NULL)
