-- The traces of a comparison, each with its side: baseline or variant.
-- @param  baselines VARCHAR[]  names of the traces before the change
-- @param  variants VARCHAR[]   names of the traces after it

SELECT 'baseline' AS side, * FROM traces WHERE list_contains(baselines, trace)
UNION ALL
SELECT 'variant', * FROM traces WHERE list_contains(variants, trace)
