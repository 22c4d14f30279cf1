-- How each kernel is called: by its function, in full, and by the shortest name that tells it from others.
--
-- Functions that stand for many kernels (device_kernel of CUTLASS, elementwise_kernel of PyTorch) are told
-- apart by that at which the full names of one function begin to differ, and no more: functors and classes
-- among their template arguments first, then types of numbers. Kernels that these do not tell apart, and that
-- one trace holds several of, are told by numbers (tile sizes, lambdas), and at last by namespaces and
-- parameters: a kernel that was tuned between two traces has one name. The names follow from all kernels of
-- the database: all traces have the same.
-- @needs  kernels
-- @column name VARCHAR           function name without template arguments
-- @column full_name VARCHAR      full C++ name, or the function name where there is none
-- @column distinct_name VARCHAR  function name, with as much as tells it from others in angle brackets
-- @once   page

WITH full_names AS MATERIALIZED (
    FROM kernel_full_names
),
ambiguous AS (
    FROM full_names
    QUALIFY count(*) OVER (PARTITION BY name) > 1
),
-- Template arguments of the function alone.
arguments AS (
    SELECT
        *,
        regexp_extract(
            full_name[instr(full_name, name || '<') + length(name):], '^<(.*)>(?:\(|\z)', 1
        ) AS within
    FROM ambiguous
),
-- And numbers without their casts.
parted AS (
    SELECT
        name,
        full_name,
        trace_ids,
        regexp_replace(
            replace(replace(within, '(bool)1', 'true'), '(bool)0', 'false'),
            '\([\w: ]+\)(-?[0-9])',
            '\1',
            'g'
        ) AS arguments,
        replace(full_name, within, '') AS around
    FROM arguments
),
-- Namespaces go, and what is no name.
listed AS (
    SELECT
        name,
        full_name,
        trace_ids,
        list_filter(
            regexp_extract_all(
                regexp_replace(arguments, '(\w+|<unnamed>|\(anonymous namespace\))::', '', 'g'),
                '\b[A-Za-z_]\w*'
            ),
            lambda word: NOT regexp_full_match(
                word, 'void|const|true|false|lambda|instance|operator|T[0-9]+|enable_\w+'
            )
        ) AS types,
        regexp_extract_all(arguments, '-?\b[0-9]\w*|\b(?:true|false)\b') AS numbers,
        list_filter(
            regexp_extract_all(around, '\w+|[*&]'),
            lambda word: word <> name AND NOT regexp_full_match(word, 'void|const|T[0-9]+')
        ) AS others
    FROM parted
),
ordered AS (
    SELECT
        name,
        full_name,
        trace_ids,
        list_filter(types, lambda word: NOT is_number_type(word))[:40]
            || list_filter(types, lambda word: is_number_type(word))[:20] AS types,
        numbers[:40] || others[:20] AS others
    FROM listed
),
-- Traces that hold kernels of these types, as often as they hold one.
held AS (
    SELECT *, flatten(list(trace_ids) OVER (PARTITION BY name, types)) AS holders
    FROM ordered
),
told_by AS (
    SELECT
        name,
        full_name,
        CASE WHEN len(holders) > len(list_distinct(holders)) THEN types || others ELSE types END AS words
    FROM held
),
-- Where names that were alike so far go on with different words.
placed AS (
    SELECT
        name,
        full_name,
        unnest(range(1, len(words) + 2)) AS place,
        coalesce(words[place], '') AS word,
        hash(hashes[:place - 1]) AS before
    FROM (SELECT *, list_transform(words, lambda word: hash(word)) AS hashes FROM told_by)
),
telling AS (
    SELECT name, full_name, place, word
    FROM placed
    QUALIFY min(word) OVER (PARTITION BY name, before) <> max(word) OVER (PARTITION BY name, before)
),
told AS (
    SELECT name, full_name, string_agg(word, ', ' ORDER BY place) AS told
    FROM telling
    WHERE word <> ''
    GROUP BY ALL
)
SELECT name, full_name, name || coalesce('<' || told || '>', '') AS distinct_name
FROM full_names
LEFT JOIN told USING (name, full_name)
