-- Whether something is what a question was asked for, or it was asked for anything.
-- @param  found ANY  what it is
-- @param  asked ANY  what is wanted; NULL for anything

asked IS NULL OR found = asked
