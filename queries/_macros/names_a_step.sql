-- Whether a range is a step by its name: of vLLM, TensorRT-LLM and torch.profiler.
-- @param  found VARCHAR  the text of a range

starts_with(found, 'execute_context_') OR starts_with(found, 'ProfilerStep#')
    OR regexp_matches(found, '^\[Executor\] _forward_step [0-9]')
