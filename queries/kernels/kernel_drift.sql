-- Which kernels take longer in some launches of one shape than in others, and do the clocks explain it?
--
-- Launches of one kernel, grid, block and shared memory, on one GPU (or the SMs of one green context) and in
-- innermost ranges of one text, in the order of their starts: they have the same work, unless it hangs on
-- their data. Of texts that come once
-- on their thread, as those of numbered steps, numbers count as *. fast_ns is what a hundredth of them do not
-- exceed. steady_pct tells how they change: near 100 slowly from one launch to the next, as clocks do, near 0
-- without any order. The clock of a launch is that of its SMs over its time, by nsys's GPU metrics, which
-- tell it between samples.
-- @of     timeline
-- @unites trace
-- @param  kernel VARCHAR = '*'        kernel name, or a pattern of it
-- @param  names VARCHAR(short|full|distinct) = 'distinct'  names of kernels, see the view kernel_names
-- @param  fewest BIGINT = 10          so many launches of one shape tell something
-- @param  start_up BOOLEAN = true     count launches before the first step behind warm-up of their process
-- @param  limit BIGINT = 20           rows per trace; NULL for all
-- @needs  kernels timeline
-- @column trace VARCHAR               name of the trace
-- @column pid BIGINT                  process
-- @column gpu_id INTEGER              GPU of the machine
-- @column green_context_id BIGINT     green context, with a part of its SMs; NULL in none
-- @column kernel VARCHAR              kernel name
-- @column category VARCHAR            kind of work
-- @column grid_x BIGINT               blocks in x
-- @column grid_y BIGINT               blocks in y
-- @column grid_z BIGINT               blocks in z
-- @column block_x BIGINT              threads per block in x
-- @column block_y BIGINT              threads per block in y
-- @column block_z BIGINT              threads per block in z
-- @column shared_bytes BIGINT         shared memory of a block
-- @column range VARCHAR               innermost NVTX range; NULL outside any
-- @column instances BIGINT            launches
-- @column total_ns BIGINT             their time
-- @column fast_ns BIGINT              a hundredth of them takes no longer
-- @column median_ns DOUBLE            median
-- @column max_ns BIGINT               longest
-- @column above_fast_ns BIGINT        what they take more than fast_ns, all together
-- @column above_fast_pct DOUBLE       of the time that all would take at fast_ns
-- @column steady_pct DOUBLE           100 × (1 - Σ(change to the next)² ÷ 2 Σ(from the mean)²), from 0
-- @column fast_clock_hz DOUBLE        clock of those of at most fast_ns; NULL if it was not recorded
-- @column slow_clock_hz DOUBLE        clock of all others
-- @column clocks_pct DOUBLE           what clocks explain of how much longer the others take; above 100 where
--                                     clocks fell by more than that
-- @column start_ns BIGINT             start of the first one
-- @column end_ns BIGINT               end of the one that ended last
-- @chart  bars x=kernel y=above_fast_ns
-- @empty  No kernel of that name was launched so often with one shape: --fewest 2 asks for less.

WITH texts AS (
    SELECT
        trace_id,
        text,
        -- What vLLM's steps hold stands in their numbers.
        if(bool_or(times > 1) OR starts_with(text, 'execute_context_'), text, text_pattern(text)) AS range
    FROM (
        SELECT trace_id, process_id, tid, text, count(*) AS times
        FROM nvtx_ranges
        WHERE text IS NOT NULL
        GROUP BY ALL
    )
    GROUP BY trace_id, text
),
executed AS (
    SELECT kernels.* FROM kernels JOIN chosen_traces($trace) AS traces USING (trace_id)
),
counting AS (
    FROM executed WHERE $start_up
    UNION ALL
    SELECT * EXCLUDE (first_step_ns) FROM behind_start_up('executed') WHERE NOT $start_up
),
launched AS (
    SELECT
        kernel_id,
        counting.start_ns,
        counting.end_ns,
        counting.duration_ns,
        -- Names are long, and far fewer than launches: each is looked at once.
        hash(
            counting.trace_id, process_id, pid, gpu_id, green_context_id, hash(counting.name),
            hash(demangled), hash(texts.range), grid_x, grid_y, grid_z, block_x, block_y, block_z,
            static_shared_bytes + dynamic_shared_bytes
        ) AS key_id
    FROM counting
    LEFT JOIN (SELECT range_id, trace_id, text FROM nvtx_ranges) AS around
        ON around.range_id = counting.range_id
    LEFT JOIN texts ON texts.trace_id = around.trace_id AND texts.text = around.text
    WHERE counting.start_ns IS NOT NULL
),
counted AS (
    SELECT
        key_id,
        count(*) AS instances,
        min(kernel_id) AS kernel_id,
        quantile_disc(duration_ns, 0.01) AS fast_ns,
        avg(duration_ns) AS avg_ns
    FROM launched
    GROUP BY key_id
    HAVING count(*) >= $fewest
),
shapes AS (
    SELECT
        row_number() OVER (ORDER BY key) AS shape,
        key_id,
        key,
        called AS kernel,
        coalesce(key.demangled, key.name, '') AS full_name,
        instances,
        fast_ns,
        avg_ns
    FROM (
        SELECT
            counted.* EXCLUDE (kernel_id),
            {
                'trace': traces.trace,
                'trace_id': kernels.trace_id,
                'process_id': process_id,
                'pid': pid,
                'gpu_id': gpu_id,
                'green_context_id': green_context_id,
                'name': kernels.name,
                'demangled': demangled,
                'range': texts.range,
                'grid': [grid_x, grid_y, grid_z],
                'block': [block_x, block_y, block_z],
                'shared_bytes': static_shared_bytes + dynamic_shared_bytes
            } AS key
        FROM counted
        JOIN kernels USING (kernel_id)
        JOIN traces ON traces.trace_id = kernels.trace_id
        LEFT JOIN (SELECT range_id, trace_id, text FROM nvtx_ranges) AS around
            ON around.range_id = kernels.range_id
        LEFT JOIN texts ON texts.trace_id = around.trace_id AND texts.text = around.text
    )
    LEFT JOIN kernels_called($names, $kernel) AS named
        ON named.name = key.name AND named.full_name = coalesce(key.demangled, key.name)
    WHERE is_asked
),
shaped AS (
    SELECT
        numbered.*,
        shapes.key.trace_id AS trace_id,
        shapes.key.gpu_id AS gpu_id,
        fast_ns,
        avg_ns
    FROM (
        SELECT
            *,
            duration_ns - lag(duration_ns) OVER (PARTITION BY shape ORDER BY start_ns, kernel_id) AS change_ns
        FROM (SELECT shape, kernel_id, start_ns, end_ns, duration_ns FROM launched JOIN shapes USING (key_id))
    ) AS numbered
    JOIN shapes USING (shape)
),
-- MHz × ns until each sample, which tells of the time until the next one.
clocks AS (
    SELECT
        trace_id,
        gpu_id,
        time_ns,
        lead(time_ns) OVER so_far AS until_ns,
        value,
        sum(coalesce(turned_before, 0)) OVER so_far AS turned
    FROM (
        SELECT
            trace_id,
            gpu_id,
            time_ns,
            value,
            lag(value) OVER so_far * (time_ns - lag(time_ns) OVER so_far) AS turned_before
        FROM gpu_samples
        WHERE metric = 'GPC Clock Frequency' AND unit = 'MHz'
        WINDOW so_far AS (PARTITION BY trace_id, gpu_id ORDER BY time_ns)
    )
    WINDOW so_far AS (PARTITION BY trace_id, gpu_id ORDER BY time_ns)
),
-- Where no clock was sampled nothing is looked up.
clocked AS (
    SELECT
        shaped.*,
        duration_ns <= fast_ns AS is_fast,
        -- Behind the last sample nobody knows.
        CASE
            WHEN last.until_ns IS NOT NULL OR end_ns = last.time_ns
                THEN (last.turned + last.value * (end_ns - last.time_ns))
                    - (first.turned + first.value * (start_ns - first.time_ns))
        END AS turned_mhz_ns
    FROM (FROM shaped SEMI JOIN clocks USING (trace_id, gpu_id)) AS shaped
    ASOF LEFT JOIN clocks AS first
        ON first.trace_id = shaped.trace_id
        AND first.gpu_id = shaped.gpu_id
        AND first.time_ns <= shaped.start_ns
    ASOF LEFT JOIN clocks AS last
        ON last.trace_id = shaped.trace_id
        AND last.gpu_id = shaped.gpu_id
        AND last.time_ns <= shaped.end_ns
    UNION ALL
    SELECT *, duration_ns <= fast_ns, NULL
    FROM shaped
    ANTI JOIN clocks USING (trace_id, gpu_id)
),
grouped AS (
    SELECT
        shape,
        sum(duration_ns)::BIGINT AS total_ns,
        median(duration_ns) AS median_ns,
        max(duration_ns) AS max_ns,
        sum(greatest(duration_ns - fast_ns, 0))::BIGINT AS above_fast_ns,
        percent(sum(change_ns ** 2), 2 * sum((duration_ns - avg_ns) ** 2)) AS jumping_pct,
        avg(duration_ns) FILTER (is_fast) AS avg_fast_ns,
        avg(duration_ns) FILTER (NOT is_fast) AS avg_slow_ns,
        1e6 * sum_ratio(if(is_fast, turned_mhz_ns, NULL), duration_ns) AS fast_clock_hz,
        1e6 * sum_ratio(if(is_fast, NULL, turned_mhz_ns), duration_ns) AS slow_clock_hz,
        min(start_ns) AS start_ns,
        max(end_ns) AS end_ns
    FROM clocked
    GROUP BY shape
)
SELECT
    key.trace AS trace,
    key.pid AS pid,
    key.gpu_id AS gpu_id,
    key.green_context_id AS green_context_id,
    kernel,
    category,
    key.grid[1] AS grid_x,
    key.grid[2] AS grid_y,
    key.grid[3] AS grid_z,
    key.block[1] AS block_x,
    key.block[2] AS block_y,
    key.block[3] AS block_z,
    key.shared_bytes AS shared_bytes,
    key.range AS range,
    instances,
    total_ns,
    fast_ns,
    median_ns,
    max_ns,
    above_fast_ns,
    percent(above_fast_ns, fast_ns * instances) AS above_fast_pct,
    -- Those that go up and down are less than without order.
    CASE WHEN jumping_pct > 100 THEN 0 ELSE 100 - jumping_pct END AS steady_pct,
    fast_clock_hz,
    slow_clock_hz,
    percent(
        fast_clock_hz / nullif(slow_clock_hz, 0) - 1,
        avg_slow_ns / nullif(avg_fast_ns, 0) - 1
    ) AS clocks_pct,
    start_ns,
    end_ns
FROM grouped
JOIN shapes USING (shape)
JOIN kernels_categorised USING (full_name)
QUALIFY within_limit(row_number() OVER (PARTITION BY key.trace ORDER BY above_fast_ns DESC, shape), $limit)
ORDER BY trace, above_fast_ns DESC, shape
