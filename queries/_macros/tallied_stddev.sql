-- The sample standard deviation of whole numbers that are there several times each, as whole_stddev has it.
--
-- That is the one of how far they are above one of them, whose sums are exact as long as it is less than 2⁵⁰.
-- NULL of fewer than two.
-- @param  above HUGEINT  how far each is above the same one of them, not negative
-- @param  times BIGINT   how often it is there; NULL for what is no number

CASE WHEN sum(times) > 1 THEN
    sqrt(
        CASE
            WHEN max(above) < 1125899906842624 THEN
                (
                    -- Nothing that is larger gets here, and its square may be more than a HUGEINT holds.
                    sum(times * least(above, 1125899906842624) * least(above, 1125899906842624))
                    - sum(times * above) // sum(times)
                        * (2 * sum(times * above) - sum(times) * (sum(times * above) // sum(times)))
                )::DOUBLE
                - (sum(times * above) % sum(times))::DOUBLE * (sum(times * above) % sum(times))::DOUBLE
                    / sum(times)
            ELSE
                sum(times * above::DOUBLE * above::DOUBLE)
                - sum(times * above::DOUBLE) * sum(times * above::DOUBLE) / sum(times)
        END / (sum(times) - 1)
    )
END
