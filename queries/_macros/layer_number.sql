-- Which layer a module is or lies in, as frameworks count them; NULL for none.
--
-- For example 0 of layers.0, 11 of h.11.attn, 3 of transformer_blocks.3.
-- @param  found VARCHAR  the module, see module_of

nullif(regexp_extract(
    found,
    '(?:^|[^A-Za-z0-9])(?:layers?|h|blocks?|[a-z]+_blocks?|stages?|layer[0-9]+)[._/ \[]([0-9]+)',
    1
), '')
