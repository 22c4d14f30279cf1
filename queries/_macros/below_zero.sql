-- What a note says of metrics of GPUs that have values below 0: nsys records and exports them so.
-- @param  names VARCHAR[]  of the metrics, in their order

array_to_string(names, ', ')
|| ': values below 0 are as nsys recorded them. They are no amounts, nor is their mean.'
