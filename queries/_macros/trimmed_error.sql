-- The standard error of trimmed_mean: Tukey and McLaughlin, Sankhya A 25 (1963).
--
-- The numbers that are left out count as the nearest that are not, and each number is independent of the
-- others. NULL of fewer than two.
-- @param  found DOUBLE[]  the numbers, in their order, none of them NULL

list_stddev_samp(list_transform(
    found,
    lambda one: least(
        greatest(one, found[1 + floor(len(found) / 10)::BIGINT]), found[len(found) - floor(len(found) / 10)::BIGINT]
    )
)) * sqrt(len(found)) / (len(found) - 2 * floor(len(found) / 10))
