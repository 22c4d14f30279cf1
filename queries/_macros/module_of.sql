-- What a range stands for in a model: the module of a dictionary of vLLM's layerwise tracing, else its path.
--
-- vLLM makes a second range per module that holds 'Outputs' only and no work: it stands for nothing, NULL.
-- @param  found VARCHAR       the text of the range
-- @param  found_path VARCHAR  texts from the outermost range to this one, joined by /

CASE WHEN NOT starts_with(coalesce(found, ''), '{''Module'':') THEN found_path
     WHEN contains(found, '''Inputs'':') OR NOT contains(found, '''Outputs'':')
     THEN regexp_extract(found, '''Module'': ''([^'']*)''', 1) END
