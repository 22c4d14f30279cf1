-- What a CUDA call is for: launch (of kernels), replay (of a CUDA graph), sync or copy; NULL for others.
-- @param  function VARCHAR  name of the call

CASE
    WHEN regexp_matches(function, '^cu(da)?Launch($|_|Grid|Kernel|CooperativeKernel)') THEN 'launch'
    WHEN regexp_matches(function, '^cu(da)?GraphLaunch') THEN 'replay'
    WHEN regexp_matches(function, '^cu(da)?(Device|Ctx|Context|Thread|Stream|Event)Synchronize') THEN 'sync'
    WHEN regexp_matches(function, '^cu(da)?(Memcpy|Memset|MemPrefetch)') THEN 'copy'
END
