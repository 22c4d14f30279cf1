-- Whether a word of a C++ name is a type of numbers, such as float, BFloat16 or __nv_fp8_e4m3.
-- @param  word VARCHAR  identifier without namespace

regexp_full_match(
    word,
    'bool|char|short|int|long|unsigned|float|double|complex|u?int[0-9]+_t|\w*[hH]alf2?'
        || '|\w*[bB]?[fF]loat[0-9]\w*|\w*f[pP]?[0-9]+(_e[0-9]m[0-9]\w*)?|float_e[0-9]m[0-9]\w*'
)
