-- What ncu --nvtx-include takes for one NVTX range; NULL for a name that it cannot be told.
--
-- A push/pop range ends in a slash, and a domain other than the default one stands before an @. Signs that
-- mean something there have a backslash before them (Nsight Compute CLI, "NVTX Filtering"). One in the name
-- itself is told as it is, but not where such a sign or another one follows; and what begins with "regex:" is
-- a pattern. Measured with ncu 2025.3.1.
-- @param  in_domain VARCHAR    domain; empty for the default one
-- @param  message VARCHAR      message of the range
-- @param  range_style VARCHAR  pushpop or startend

CASE WHEN message <> '' AND NOT regexp_matches(concat(in_domain, '@', message, '/'), '\\[\\@,/\[\]*+]')
          AND NOT starts_with(in_domain, 'regex:') AND NOT (in_domain = '' AND starts_with(message, 'regex:'))
     THEN CASE in_domain WHEN '' THEN ''
               ELSE regexp_replace(in_domain, '([@,/\[\]*+])', '\\\1', 'g') || '@' END
          || regexp_replace(message, '([@,/\[\]*+])', '\\\1', 'g')
          || CASE range_style WHEN 'pushpop' THEN '/' ELSE '' END
END
