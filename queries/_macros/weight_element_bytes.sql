-- Bytes of one weight of a run's model: the number in its type's name are its bits (bf16, fp8, int4, w4a16).
--
-- The type is the tag weight_dtype, else what the question was asked with, else the tag quantization,
-- else that of the peak; NULL where no number is in it (gptq).
-- @param  tags MAP           tags of a run
-- @param  asked VARCHAR      parameter of the question; NULL if none
-- @param  precision VARCHAR  precision of the peak

nullif(
    regexp_extract(
        coalesce(
            tags['weight_dtype'],
            asked,
            -- AWQ is of 4 bits (Lin et al., MLSys 2024).
            replace(nullif(lower(tags['quantization']), 'none'), 'awq', 'int4'),
            precision
        ),
        '[1-9]\d*'
    ),
    ''
)::DOUBLE / 8
