-- Whether any name of a kernel is like a pattern, in capitals or small letters.
-- @param  name VARCHAR       function name
-- @param  full_name VARCHAR  full C++ name
-- @param  called VARCHAR     what it is called, see kernels_called
-- @param  pattern VARCHAR    see is_like_in_any_case; NULL is like none

coalesce(is_like_in_any_case(name, pattern), false)
    OR coalesce(is_like_in_any_case(full_name, pattern), false)
    OR coalesce(is_like_in_any_case(called, pattern), false)
