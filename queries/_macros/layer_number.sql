-- Which layer a module is or lies in, as frameworks count them (layers.0, h.11, transformer_blocks.3 …); NULL for
-- none.
-- @param  found VARCHAR  the module, see module_of

nullif(regexp_extract(
    found,
    '(?:^|[^A-Za-z0-9])(?:layers?|h|blocks?|[a-z]+_blocks?|stages?|layer[0-9]+)[._/ \[]([0-9]+)',
    1
), '')
