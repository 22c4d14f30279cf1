-- What texts have in common that differ in ids, numbers, arguments and shapes: each number of its own as *.
--
-- Numbers that belong to a word stay (conv2d, fp16, layer1); a list of numbers, of pairs of them or of shapes
-- is one *. A dictionary of vLLM's layerwise tracing stands for its module.
-- @param  found VARCHAR  the text

regexp_replace(
    -- Of numbers with an underscore between them (step_3_17) each second one is left, as it ends the first.
    regexp_replace(
        regexp_replace(
            coalesce(nullif(regexp_extract(found, '^\{''Module'': ''([^'']*)''', 1), ''), found),
            '(^|[^A-Za-z0-9])-?(?:0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?e[-+]?[0-9]+|[0-9]+)(\b|_)',
            '\1*\2',
            'g'
        ),
        '\*_(?:0x[0-9a-fA-F]+|[0-9]+(?:\.[0-9]+)?e[-+]?[0-9]+|[0-9]+)(\b|_)',
        '*_*\1',
        'g'
    ),
    '\[[\[\]()*, ]*(?:\*|\[\])[\[\]()*, ]*\]', '[*]', 'g'
)
