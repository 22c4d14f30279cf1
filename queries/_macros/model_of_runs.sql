-- The model whose size is known here, if a run's may be taken for it: Llama-3.1-8B; NULL for another one.
--
-- A run that names none (tag model, model_name or model_id) is taken for it, and the text says so.
-- @param  tags MAP  tags of a run

CASE WHEN coalesce(tags['model'], tags['model_name'], tags['model_id']) IS NULL THEN 'Llama-3.1-8B, assumed'
     WHEN regexp_matches(
         lower(coalesce(tags['model'], tags['model_name'], tags['model_id'])),
         'llama[-_ ]?3\.1[-_ ]?8b([-_ ]instruct)?$'
     ) THEN 'Llama-3.1-8B' END
