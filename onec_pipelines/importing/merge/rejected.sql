-- Rejected rows as of this import, staged as pg_temp.rejected; the run that first rejected a row stays its run.
-- Bound: import_type, run_id.

-- settle rejected rows that a later one replaces
-- A record or a cell that is rejected several times is rejected once. Cells without a name are as many as there are.
delete from pg_temp.rejected s
where s.onec_id is not null and (s.cell is not null or s.entity not in ('price', 'stock'))
    and exists (
        select
        from pg_temp.rejected later
        where later.entity = s.entity and later.onec_id = s.onec_id and later.cell is not distinct from s.cell
            and later.seq > s.seq
    );

-- settle rejected rows beside those on record
-- A row is known by identifier and cell, or by its place where it has no identifier; then by the order of such rows.
create temp table rejected_rows on commit drop as
select *
from (
    select *, row_number() over (partition by name order by seq) as place
    from (
        select
            seq, entity, onec_id, cell, reason, file, line, payload,
            jsonb_build_array(entity, onec_id, cell, case when onec_id is null then jsonb_build_array(file, line) end)
                as name
        from pg_temp.rejected
    ) rejected
) now
full join (
    select id, name, row_number() over (partition by name order by id) as place
    from (
        select
            id,
            jsonb_build_array(
                entity, onec_id, cell,
                case when onec_id is null then jsonb_build_array(source_file, source_line) end
            ) as name
        from onec.rejected_records
        where import_type = %(import_type)s
    ) rejected
) before using (name, place);

-- run rejected rows that are rejected no longer
delete from onec.rejected_records t
using rejected_rows r
where r.id = t.id and r.seq is null;

-- run rejected rows with another reason or place
update onec.rejected_records t
set reason = r.reason, source_file = r.file, source_line = r.line, payload = r.payload
from rejected_rows r
where r.id = t.id and r.seq is not null
    and (t.reason, t.source_file, t.source_line, t.payload) is distinct from (r.reason, r.file, r.line, r.payload);

-- run rejected rows that are new
insert into onec.rejected_records
    (run_id, import_type, entity, onec_id, cell, reason, source_file, source_line, payload)
select %(run_id)s, %(import_type)s, entity, onec_id, cell, reason, file, line, payload
from rejected_rows
where id is null
order by seq;
