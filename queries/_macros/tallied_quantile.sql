-- A quantile of numbers that are there several times each, as quantile_cont has it, to the last digit or so.
--
-- Between two of them it lies as the share says.
-- @param  x BIGINT       the numbers; NULL is none
-- @param  until BIGINT   how many are not larger
-- @param  of_all BIGINT  how many there are
-- @param  share DOUBLE   of all that are not larger, between 0 and 1

min(x) FILTER (until > floor((of_all - 1) * share))::DOUBLE
    * (1.0::DOUBLE - max((of_all - 1) * share - floor((of_all - 1) * share)))
+ min(x) FILTER (until > ceil((of_all - 1) * share))::DOUBLE
    * max((of_all - 1) * share - floor((of_all - 1) * share))
