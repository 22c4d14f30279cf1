-- Tokens of a step as vLLM names it, in prefill and decode: execute_context_1(512)_generation_7(7).
--
-- NULL for others.
-- @param  step VARCHAR  text of a range

try_cast(regexp_extract(step, '^execute_context_[0-9]+\(([0-9]+)\)_generation_', 1) AS BIGINT)
+ try_cast(regexp_extract(step, '_generation_[0-9]+\(([0-9]+)\)', 1) AS BIGINT)
