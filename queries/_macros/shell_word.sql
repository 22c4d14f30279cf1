-- A text as one word of a POSIX shell, whatever it holds: in apostrophes, unless no sign in it means more.
-- @param  word VARCHAR  the text

CASE WHEN regexp_full_match(word, '[A-Za-z0-9_@%+=:,./-]+') THEN word
     ELSE '''' || replace(word, '''', '''"''"''') || '''' END
