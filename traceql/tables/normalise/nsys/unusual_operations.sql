-- Which steps what is unusual about GPU work needs: a row in the table that each of them asks for.
-- @when  unusual_operations

CREATE TEMP TABLE meeting_operations AS
SELECT 1 FROM unusual_operations WHERE meet;

CREATE TEMP TABLE crowding AS
SELECT 1 FROM unusual_operations WHERE crowd;

CREATE TEMP TABLE unlaunched_operations AS
SELECT 1 FROM unusual_operations WHERE are_unlaunched
