-- Half the 95 % confidence interval of a difference of two means: Welch, Biometrika 34 (1947).
--
-- Variances need not be equal. Without any spread it is 0; NULL unless both sides have several numbers.
-- @param  baseline_stddev DOUBLE  sample standard deviation of the numbers of one side
-- @param  baseline_runs BIGINT    how many they are
-- @param  variant_stddev DOUBLE   the same of the other side
-- @param  variant_runs BIGINT     how many they are

CASE WHEN baseline_stddev + variant_stddev = 0 THEN 0
     ELSE t_quantile(
         (baseline_stddev ** 2 / baseline_runs + variant_stddev ** 2 / variant_runs) ** 2
         / (
             (baseline_stddev ** 2 / baseline_runs) ** 2 / (baseline_runs - 1)
             + (variant_stddev ** 2 / variant_runs) ** 2 / (variant_runs - 1)
         )
     ) * sqrt(baseline_stddev ** 2 / baseline_runs + variant_stddev ** 2 / variant_runs) END
