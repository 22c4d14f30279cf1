-- What to say where no instruction of some traces is put in words; NULL where there are none.
-- @param  names VARCHAR[]  of which traces

CASE WHEN len(names) > 0 THEN format(
    'No instruction of {} is put in words: traceql ingest --via ncu_report does so, if the report '
        || 'holds the code (no --import-sass no).',
    listed(names)
) END
