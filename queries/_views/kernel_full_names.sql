-- Every name that a kernel of the database has, short and in full, whatever window a question is narrowed to.
-- @needs  kernels
-- @column name VARCHAR       function name without template arguments
-- @column full_name VARCHAR  full C++ name, or the function name where there is none
-- @column trace_ids BIGINT[]  ids of the traces that hold it, in no order
-- @once   page

-- Told apart by numbers made of them: names are long, and few.
SELECT name, full_name, list(trace_id) AS trace_ids
FROM (
    SELECT any_value(name) AS name, any_value(coalesce(demangled, name)) AS full_name, trace_id
    FROM kernels
    GROUP BY hash(hash(name), if(demangled IS NULL, hash(name), hash(demangled))), trace_id
)
GROUP BY ALL
