-- Whether a name is the one that a question was given, or like its pattern; what has no name never is.
--
-- Without * ? or % it must be the very same. An underscore is a letter, as in most names.
-- @param  found VARCHAR    the name
-- @param  pattern VARCHAR  * or % stands for any characters, ? for one

found LIKE replace(replace(replace(replace(pattern, '\', '\\'), '_', '\_'), '*', '%'), '?', '_') ESCAPE '\'
