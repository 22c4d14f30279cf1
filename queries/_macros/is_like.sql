-- Whether a text is like the LIKE pattern that a question was given; what has no text never is.
-- @param  found VARCHAR    the text
-- @param  pattern VARCHAR  % stands for any characters, _ for one

found LIKE pattern
