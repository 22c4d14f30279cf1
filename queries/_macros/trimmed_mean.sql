-- The mean of numbers without the tenth at each end, so that what happens once does not decide.
--
-- Of fewer than ten numbers nothing is left out.
-- @param  sorted DOUBLE[]  the numbers in their order, none of them NULL

list_avg(sorted[1 + len(sorted) // 10:len(sorted) - len(sorted) // 10])
