-- What a frame of a stack is called: its function, of Python with the file, or else what holds it.
-- @param  function VARCHAR  the function; NULL if it is not known
-- @param  module VARCHAR    library or program; NULL of Python
-- @param  file VARCHAR      source file; NULL of native code
-- @param  is_kernel_mode BOOLEAN  whether it is code of the operating system's kernel

coalesce(
    function || coalesce(' (' || regexp_extract(file, '[^/\\]*$') || ')', ''),
    '[' || coalesce(
        nullif(regexp_extract(module, '[^/\\]*$'), ''), CASE WHEN is_kernel_mode THEN 'kernel' END, 'unknown'
    ) || ']'
)
