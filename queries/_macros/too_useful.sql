-- What a note says of rows with fewer executed FLOP than useful ones, which cannot be; NULL without any.
-- @param  counted BIGINT   rows
-- @param  named VARCHAR[]  what they are of

CASE WHEN counted > 0 THEN
    format(
        'executed_per_useful is below 1 in {} ({}{}): fewer FLOP were executed than are said to be useful, '
            || 'so that not all launches have that shape, or not all FLOP were counted (at_least)',
        if(counted = 1, '1 row', counted || ' rows'),
        array_to_string(list_sort(named)[:3], ', '),
        if(len(named) > 3, ' …', '')
    ) END
