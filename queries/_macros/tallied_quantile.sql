-- A quantile of numbers that are there several times each, as quantile_cont has it, to the last digit.
--
-- Between two of them it lies as the share says; NULL of none. The product of lists is added up as
-- quantile_cont does it, which plain numbers are not.
-- @param  x BIGINT       the numbers; NULL is none
-- @param  until BIGINT   how many are not larger
-- @param  of_all BIGINT  how many there are
-- @param  share DOUBLE   of all that are not larger, between 0 and 1

CASE WHEN max(of_all) > 0 THEN
    list_inner_product(
        [
            min(x) FILTER (until > ceil((of_all - 1) * share))::DOUBLE,
            min(x) FILTER (until > floor((of_all - 1) * share))::DOUBLE
        ],
        [
            max((of_all - 1) * share - floor((of_all - 1) * share)),
            1.0::DOUBLE - max((of_all - 1) * share - floor((of_all - 1) * share))
        ]
    )
END
