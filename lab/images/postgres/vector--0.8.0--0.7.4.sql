-- SPDX-License-Identifier: GPL-3.0-or-later
-- Copyright: (c) 2026, fastgpt.ops contributors
--
-- Takes back what vector--0.7.4--0.8.0.sql adds. For the lab's image of 0.7.4 alone: pgvector itself has no way back.
DROP CAST (integer[] AS sparsevec);
DROP CAST (real[] AS sparsevec);
DROP CAST (double precision[] AS sparsevec);
DROP CAST (numeric[] AS sparsevec);
DROP FUNCTION array_to_sparsevec(integer[], integer, boolean);
DROP FUNCTION array_to_sparsevec(real[], integer, boolean);
DROP FUNCTION array_to_sparsevec(double precision[], integer, boolean);
DROP FUNCTION array_to_sparsevec(numeric[], integer, boolean);
