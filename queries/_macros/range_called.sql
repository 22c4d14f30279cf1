-- What ranges are called in an answer: their text, or what texts have in common that differ in numbers.
-- @param  found VARCHAR    the text of a range
-- @param  exactly BOOLEAN  false for what texts have in common, see text_pattern

CASE WHEN exactly THEN found ELSE text_pattern(found) END
