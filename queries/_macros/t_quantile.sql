-- The 97.5 % quantile of Student's t distribution: half a 95 % confidence interval in standard errors.
--
-- For any degrees of freedom from 1 on, whole or not: the quantile's logarithm is a polynomial in 1 ÷ degrees
-- of freedom, fitted at Chebyshev's points; it is off by 2e-10 of the quantile at most.
-- @param  degrees_of_freedom DOUBLE  of the estimate, at least 1

exp(list_reduce(
    [
        0.020635689742, -0.192815032985, 0.809057532581, -2.001606631173, 3.21044283005, -3.444721197073,
        2.471937104107, -1.213383395241, 0.497625767546, -0.129500482887, -0.228377153859, 0.151914840233,
        0.707589813443, 1.210364653616, 0.672926097941
    ]::DOUBLE[],
    lambda sum, coefficient: sum / degrees_of_freedom + coefficient
))
