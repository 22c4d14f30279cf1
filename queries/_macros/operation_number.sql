-- A number by which operations of a GPU are in the order of (kind, operation_id), as a window sorts it fast.
--
-- @param  kind VARCHAR         graph, kernel, memcpy or memset
-- @param  operation_id BIGINT  of that kind: less than 2^60

(
    (kind >= 'kernel')::BIGINT + (kind >= 'memcpy')::BIGINT + (kind >= 'memset')::BIGINT
) * 1152921504606846976 + operation_id
