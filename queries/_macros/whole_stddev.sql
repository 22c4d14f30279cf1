-- The sample standard deviation of whole numbers, from exact sums: the same in whatever order they are added.
--
-- With the mean rounded down to m, the squares of the distances from it add up to Σx² − m · (2 · Σx − n · m),
-- and those from the mean itself to r²/n less, r being what m leaves of Σx. DuckDB's stddev_samp adds up
-- in floating point, in an order that differs from run to run; it takes over where a number is 2⁵⁰ or more.
-- NULL of fewer than two.
-- @param  x BIGINT  the numbers

CASE
    WHEN count(x) FILTER (abs(x) >= 1125899906842624) > 0 THEN stddev_samp(x)
    WHEN count(x) > 1 THEN sqrt(
        (
            (
                sum(x::HUGEINT * x) FILTER (abs(x) < 1125899906842624)
                - sum(x) // count(x) * (2 * sum(x) - count(x) * (sum(x) // count(x)))
            )::DOUBLE
            - (sum(x) % count(x))::DOUBLE * (sum(x) % count(x))::DOUBLE / count(x)
        ) / (count(x) - 1)
    )
END
