-- The name by which GPU work is shown and summed up: its full C++ name, or that of the function alone.
-- @param  short_name VARCHAR  function name without template arguments
-- @param  full_name VARCHAR   C++ name with them: coalesce(demangled, name), as not every report has it
-- @param  full_names BOOLEAN  show that

CASE WHEN full_names THEN full_name ELSE short_name END
