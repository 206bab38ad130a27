-- A cell is what an export states of an offer under a price type, or in a warehouse: pg_temp.cells has those of the
-- staged prices or stocks, and those that are rejected are named in pg_temp.rejected.

-- include unstated

-- settle the last of each cell
-- Of a cell that is stated twice the last counts, be it a value or a rejected one. Without statistics the staged rows would
-- be sorted for the join, which most exports do not need at all.
with last as (
    select onec_id, cell, max(seq) as seq
    from (
        select onec_id, cell, seq from pg_temp.cells
        union all
        select onec_id, cell, seq from pg_temp.rejected where cell is not null
    ) stated
    group by onec_id, cell
    having count(*) > 1
), superseded as (
    delete from pg_temp.cells s
    using last
    where exists (select from last) and last.onec_id = s.onec_id and last.cell = s.cell and s.seq < last.seq
)
delete from pg_temp.rejected r
using last
where last.onec_id = r.onec_id and last.cell = r.cell and r.seq < last.seq;
