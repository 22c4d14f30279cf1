-- The frames of stacks, the outermost first.

SELECT
    stack_id,
    list(
        {
            'name': frame_called(frame_function, frame_module, frame_file, is_kernel_mode),
            'file': coalesce(frame_file, frame_module)
        }
        ORDER BY frame_depth DESC
    ) AS frames
FROM call_stacks
WHERE stack_id IN (SELECT unnest(stack_ids) FROM wanted)
GROUP BY stack_id
ORDER BY stack_id
