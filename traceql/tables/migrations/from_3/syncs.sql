-- Records of CUDA events were not stored. CUPTI's 0xFFFFFFFF for no event was, and types followed from their
-- numbers: what waits for what says them.

SELECT
    * REPLACE (
        nullif(event_id, 4294967295) AS event_id,
        CASE
            WHEN event_id IS NULL THEN sync_type
            WHEN event_id <> 4294967295 AND stream_id IS NOT NULL THEN 'Stream wait sync'
            WHEN event_id <> 4294967295 THEN 'Event sync'
            WHEN stream_id IS NOT NULL THEN 'Stream sync'
            ELSE 'Context sync'
        END AS sync_type
    ),
    NULL::BIGINT AS event_record_id
FROM old.syncs
