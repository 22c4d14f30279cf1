-- Whether a text is like a LIKE pattern, in capitals or small letters; what has no text never is.
-- @param  found VARCHAR    the text
-- @param  pattern VARCHAR  % stands for any characters, _ for one

found ILIKE pattern
