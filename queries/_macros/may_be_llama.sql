-- Whether a run's model may be taken for Llama-3.1-8B: it is named so, or no model is named at all.
-- @param  tags MAP  tags of a run

coalesce(
    regexp_matches(
        lower(coalesce(tags['model'], tags['model_name'], tags['model_id'])),
        'llama[-_ ]?3\.1[-_ ]?8b([-_ ]instruct)?$'
    ),
    TRUE
)
