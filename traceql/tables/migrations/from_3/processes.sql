-- Ranks of MPI were not stored.

SELECT *, NULL::BIGINT AS mpi_rank
FROM old.processes
