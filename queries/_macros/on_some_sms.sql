-- What a note says of launches that may use only some of the SMs of their GPU: the view partial_launches.
-- @param  named VARCHAR          the trace
-- @param  launches BIGINT        how many
-- @param  sm_counts INTEGER[]    SMs that they may use
-- @param  gpu_sm_count INTEGER   SMs of the GPU

format(
    '{:,} {} of {} may use only {} of the {} SMs, as in a green context: '
        || 'peaks, shares and waves are of those',
    launches,
    if(launches = 1, 'launch', 'launches'),
    named,
    array_to_string(list_sort(sm_counts), ' or '),
    gpu_sm_count
)
