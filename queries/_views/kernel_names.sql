-- How each kernel is called: by its function, in full, and by the shortest name that tells it from others.
--
-- Functions that stand for many kernels (device_kernel of CUTLASS, elementwise_kernel of PyTorch) are told
-- apart by the types in their template arguments: those at which the full names of one function begin to
-- differ, functors and classes before the types of numbers. What differs in numbers only has one name: tile
-- sizes change with a tuning. The names follow from all kernels of the database: all traces have the same.
-- @needs  kernels
-- @column name VARCHAR           function name without template arguments
-- @column full_name VARCHAR      full C++ name, or the function name where there is none
-- @column distinct_name VARCHAR  function name, with as many types as tell it from others in angle brackets

WITH ambiguous AS (
    FROM kernel_full_names
    QUALIFY count(*) OVER (PARTITION BY name) > 1
),
-- Template arguments of the function alone; casts of numbers, namespaces and what is no name goes.
words AS (
    SELECT
        name,
        full_name,
        list_filter(
            regexp_extract_all(
                regexp_replace(
                    regexp_replace(
                        regexp_extract(full_name[instr(full_name, name || '<') + length(name):], '^<(.*)>\(', 1),
                        '\([\w: ]+\)-?[0-9]+',
                        '',
                        'g'
                    ),
                    '(\w+|<unnamed>|\(anonymous namespace\))::',
                    '',
                    'g'
                ),
                '\b[A-Za-z_]\w*'
            ),
            lambda word: NOT regexp_full_match(word, 'void|const|true|false|lambda|instance|operator|T[0-9]+|enable_\w+')
        ) AS words
    FROM ambiguous
    WHERE contains(full_name, name || '<')
),
ordered AS (
    SELECT
        name,
        full_name,
        list_filter(words, lambda word: NOT is_number_type(word))[:40]
            || list_filter(words, lambda word: is_number_type(word))[:20] AS words
    FROM words
),
-- Where names that were alike so far go on with different words.
placed AS (
    SELECT
        name,
        full_name,
        unnest(range(1, len(words) + 2)) AS place,
        coalesce(words[place], '') AS word,
        array_to_string(words[:place - 1], ' ') AS before
    FROM ordered
),
telling AS (
    SELECT name, full_name, place, word
    FROM placed
    QUALIFY min(word) OVER (PARTITION BY name, before) <> max(word) OVER (PARTITION BY name, before)
),
told AS (
    SELECT name, full_name, string_agg(word, ', ' ORDER BY place) AS types
    FROM telling
    WHERE word <> ''
    GROUP BY ALL
)
SELECT name, full_name, name || coalesce('<' || types || '>', '') AS distinct_name
FROM kernel_full_names
LEFT JOIN told USING (name, full_name)
