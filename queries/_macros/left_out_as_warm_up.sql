-- What a note says of steps that count in no number; NULL where there are none.
-- @param  steps BIGINT      how many were left out
-- @param  names VARCHAR[]   of which traces

CASE WHEN steps > 0 THEN format(
    'Left out as warm-up: {} of {}. Warm-up are the first steps of a text that take more than twice its '
        || 'median; --warm-up true counts them.',
    if(steps = 1, '1 step', format('{:,} steps', steps::BIGINT)),
    listed(names)
) END
