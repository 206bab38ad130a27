-- Refused rows as of this import, staged as pg_temp.refusals; the run that first refused a row stays its run.

-- run refusals no longer made
delete from onec.rejected_records t
where t.import_type = %(import_type)s
    and not exists (
        select
        from pg_temp.refusals s
        where s.entity = t.entity and s.reason = t.reason
            and s.onec_id is not distinct from t.onec_id and s.cell is not distinct from t.cell
            and (s.onec_id is not null or (s.file, s.line) = (t.source_file, t.source_line))
    );

-- run refusals
insert into onec.rejected_records
    (run_id, import_type, entity, onec_id, cell, reason, source_file, source_line, payload)
select %(run_id)s, %(import_type)s, s.entity, s.onec_id, s.cell, s.reason, s.file, s.line, s.payload
from pg_temp.refusals s
where not exists (
    select
    from onec.rejected_records t
    where t.import_type = %(import_type)s and s.entity = t.entity and s.reason = t.reason
        and s.onec_id is not distinct from t.onec_id and s.cell is not distinct from t.cell
        and (s.onec_id is not null or (s.file, s.line) = (t.source_file, t.source_line))
)
order by s.seq;
