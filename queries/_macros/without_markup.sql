-- A rule's text as ncu prints it: the names of sections in place of links to them, addresses in brackets.
-- @param  message VARCHAR  of the table advice

regexp_replace(
    regexp_replace(message, '@url:([^:@]*):([^@]*)@', '\1 (\2)', 'g'), '@\w+:[^:@]*:([^@]*)@', '\1', 'g'
)
