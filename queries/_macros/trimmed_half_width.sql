-- Half the 95 % confidence interval of trimmed_mean: Tukey and McLaughlin, Sankhya A 25 (1963).
--
-- Each number is taken to be independent of the others; those that the mean leaves out count as the nearest
-- that it takes. Without any spread it is 0; NULL of fewer than two.
-- @param  sorted DOUBLE[]  the numbers in their order, none of them NULL

CASE WHEN len(sorted) > 1
    THEN t_quantile(len(sorted) - 2 * (len(sorted) // 10) - 1) * sqrt(len(sorted))
        / (len(sorted) - 2 * (len(sorted) // 10))
        * list_stddev_samp(
            list_transform(
                sorted,
                lambda one: least(
                    greatest(one, sorted[1 + len(sorted) // 10]), sorted[len(sorted) - len(sorted) // 10]
                )
            )
        ) END
