-- What steps of one kind are called: their text without the number of the step.
--
-- Requests and tokens in names of vLLM and TensorRT-LLM tell steps apart, their numbers do not.
-- @param  found VARCHAR  the text of a range that is a step

CASE WHEN names_a_step(found) THEN regexp_replace(found, '(ProfilerStep#|_forward_step )[0-9]+', '\1*')
     ELSE text_pattern(found) END
