-- What is wrong with the numbers in a run's tags, in words; '' if nothing is.
-- @param  tags MAP           tags of a run
-- @param  counts VARCHAR[]   tags that hold positive whole numbers
-- @param  amounts VARCHAR[]  tags that hold positive numbers

array_to_string(
    list_transform(
        list_filter(
            map_entries(tags),
            lambda tag: list_contains(counts, tag.key) AND tag_count(tags, tag.key, tag.key) IS NULL
                OR list_contains(amounts, tag.key) AND tag_amount(tags, tag.key) IS NULL
        ),
        lambda tag: tag.key || ' is no positive '
            || CASE WHEN list_contains(counts, tag.key) THEN 'whole ' ELSE '' END || 'number: ' || tag.value
    ),
    '; '
)
