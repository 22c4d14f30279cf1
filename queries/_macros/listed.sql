-- What a note calls traces: all names of a few; of many how many they are, and the first.
-- @param  names VARCHAR[]  in their order

CASE WHEN len(names) <= 4 THEN array_to_string(names, ', ')
     ELSE format(
         '{:,} traces ({} and {:,} more)', len(names), array_to_string(names[:3], ', '), len(names) - 3
     ) END
