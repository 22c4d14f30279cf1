-- Whether a name is like a pattern, see is_like, in capitals or small letters.
-- @param  found VARCHAR    the name
-- @param  pattern VARCHAR  * or % stands for any characters, ? for one

found ILIKE replace(replace(replace(replace(pattern, '\', '\\'), '_', '\_'), '*', '%'), '?', '_') ESCAPE '\'
