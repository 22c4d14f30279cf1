-- What kinds of memory are called: CUPTI's numbers (CUpti_ActivityMemoryKind), with the labels of nsys.
--
-- Columns: id, label.

SELECT *
FROM (
    VALUES (0, 'Pageable'), (1, 'Pinned'), (2, 'Device'), (3, 'Array'), (4, 'Managed'),
           (5, 'Device Static'), (6, 'Managed Static'), (7, 'Unknown')
) AS kinds(id, label)
