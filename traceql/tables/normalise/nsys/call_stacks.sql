-- One row per frame of each stack of calls that differs from all others, and whose stack it is.
--
-- nsys unwinds every sample and call anew. A sample's innermost address is any of its function's: it stands
-- with the sample, as no two stacks would be equal. What has no symbol has its address in place of one.
-- Chains of CUDA calls count from 1 in some versions whose calls count them from 0: the first is the first.
-- @raw   CUDA_CALLCHAINS
-- @reads id         BIGINT
-- @reads symbol     BIGINT
-- @reads module     BIGINT
-- @reads originalIP BIGINT
-- @reads stackDepth INTEGER
-- @raw   OSRT_CALLCHAINS
-- @reads id         BIGINT
-- @reads symbol     BIGINT
-- @reads module     BIGINT
-- @reads kernelMode INTEGER
-- @reads originalIP BIGINT
-- @reads stackDepth INTEGER
-- @raw   SAMPLING_CALLCHAINS
-- @reads id         BIGINT
-- @reads symbol     BIGINT
-- @reads module     BIGINT
-- @reads kernelMode INTEGER
-- @reads originalIP BIGINT
-- @reads stackDepth INTEGER
-- @raw   SYSCALL_CALLCHAINS
-- @reads id         BIGINT
-- @reads symbol     BIGINT
-- @reads module     BIGINT
-- @reads stackDepth INTEGER
-- @raw   NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @reads schemaId BIGINT
-- @of    CUDA_CALLCHAINS OSRT_CALLCHAINS SAMPLING_CALLCHAINS SYSCALL_CALLCHAINS NVTX_PAYLOAD_SCHEMA_ENTRIES
-- @fills call_stacks

-- Where the report has none, no step has made it.
CREATE TEMP TABLE IF NOT EXISTS python_frames (
    mark BIGINT, depth BIGINT, function UBIGINT, file UBIGINT, line BIGINT
);

CREATE TEMP TABLE chain_frames AS
SELECT
    'cuda' AS source,
    id - min(id) OVER () AS chain,
    stackDepth AS depth,
    symbol,
    module,
    NULL::BIGINT AS line,
    originalIP AS address,
    false AS is_kernel_mode
FROM raw_CUDA_CALLCHAINS
UNION ALL
SELECT 'os', id, stackDepth, symbol, module, NULL, originalIP, coalesce(kernelMode, 0) <> 0
FROM raw_OSRT_CALLCHAINS
UNION ALL
SELECT 'sample', id, stackDepth, symbol, module, NULL, CASE WHEN stackDepth > 0 THEN originalIP END,
       coalesce(kernelMode, 0) <> 0
FROM raw_SAMPLING_CALLCHAINS
UNION ALL
SELECT 'system', id, stackDepth, symbol, module, NULL, NULL, false
FROM raw_SYSCALL_CALLCHAINS
UNION ALL
SELECT 'python', mark, depth, function, file, line, NULL, false
FROM python_frames;

CREATE TEMP TABLE distinct_frames AS
SELECT *, row_number() OVER () AS frame
FROM (
    SELECT DISTINCT source = 'python' AS is_python, symbol, module, line, address, is_kernel_mode
    FROM chain_frames
);

CREATE TEMP TABLE chain_stacks AS
WITH stacks AS (
    SELECT source, chain, list(frame ORDER BY depth) AS frames, list(depth ORDER BY depth) AS depths
    FROM chain_frames AS c
    JOIN distinct_frames AS d
        ON d.is_python = (c.source = 'python') AND d.is_kernel_mode = c.is_kernel_mode
        AND d.symbol IS NOT DISTINCT FROM c.symbol AND d.module IS NOT DISTINCT FROM c.module
        AND d.line IS NOT DISTINCT FROM c.line AND d.address IS NOT DISTINCT FROM c.address
    GROUP BY source, chain
),
firsts AS (
    SELECT frames, depths, min((source, chain)) AS first FROM stacks GROUP BY frames, depths
),
numbered AS (
    SELECT frames, depths, (getvariable('trace_id') << 32) + row_number() OVER (ORDER BY first) AS stack_id
    FROM firsts
)
SELECT source, chain, stack_id, frames, depths
FROM stacks
JOIN numbered USING (frames, depths);

INSERT INTO call_stacks BY NAME
WITH stacks AS (
    SELECT stack_id, unnest(any_value(frames)) AS frame, unnest(any_value(depths)) AS depth
    FROM chain_stacks
    GROUP BY stack_id
),
names AS (
    -- Python's <module> comes as it would stand in HTML.
    SELECT
        id,
        value,
        nullif(replace(replace(replace(value, '&lt;', '<'), '&gt;', '>'), '&amp;', '&'), '') AS plain
    FROM strings
)
SELECT
    getvariable('trace_id') AS trace_id,
    stack_id,
    CASE WHEN is_python THEN 'python' ELSE 'native' END AS stack_kind,
    depth AS frame_depth,
    CASE WHEN is_python THEN functions.plain
         WHEN NOT regexp_full_match(functions.value, '0x[0-9a-fA-F]+') THEN functions.value END
        AS frame_function,
    CASE WHEN NOT is_python THEN places.value END AS frame_module,
    CASE WHEN is_python THEN places.plain END AS frame_file,
    line AS frame_line,
    address AS frame_address,
    is_kernel_mode
FROM stacks
JOIN distinct_frames USING (frame)
LEFT JOIN names AS functions ON functions.id = symbol
LEFT JOIN names AS places ON places.id = module
ORDER BY stack_id, depth;

DROP TABLE chain_frames;
DROP TABLE distinct_frames
