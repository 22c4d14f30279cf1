-- Whether a sentence of a rule of ncu says what to do, and not what is the matter or what a word means.
-- @param  sentence VARCHAR  one of the rule's text

regexp_matches(sentence, '(?i)\b(try|trying|consider|consult|check|make sure)\b|^(find|reduce|by|to) ')
