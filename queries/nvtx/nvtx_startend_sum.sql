-- How long do NVTX start/end ranges take?
--
-- Ranges that were closed, by whichever thread; they may overlap, so their total can exceed the time passed.
-- @of     totals
-- @unites trace
-- @param  exact BOOLEAN = true  keep texts apart that differ in numbers alone
-- @needs  nvtx_ranges
-- @column trace VARCHAR         name of the trace
-- @column domain VARCHAR        NVTX domain; empty for the default one
-- @column range VARCHAR         NVTX message
-- @column style VARCHAR         pushpop or startend
-- @column total_ns BIGINT       time in all of them
-- @column share_pct DOUBLE      of the time in all start/end ranges of the trace
-- @column instances BIGINT      how often it ran
-- @column avg_ns DOUBLE         mean
-- @column median_ns DOUBLE      median
-- @column min_ns BIGINT         shortest
-- @column max_ns BIGINT         longest
-- @column stddev_ns DOUBLE      sample standard deviation; NULL for one instance
-- @column p90_ns DOUBLE         9 of 10 take no longer
-- @column p99_ns DOUBLE         99 of 100 take no longer
-- @chart  bars x=range y=total_ns

FROM range_spread($trace, ['startend'], $exact)
ORDER BY trace, total_ns DESC, domain, range, style
