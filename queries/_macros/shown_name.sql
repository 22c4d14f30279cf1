-- The name by which a kernel is shown and summed up: its full C++ name, or that of the function alone.
-- @param  short_name VARCHAR   function name without template arguments
-- @param  full_name VARCHAR    C++ name with them; NULL where the report has none
-- @param  full_names BOOLEAN   show that

CASE WHEN full_names THEN coalesce(full_name, short_name) ELSE short_name END
