-- From the staged references (onec_staging.images_references) to the files that must be published and their shards.
-- A file that several products show is one file. Bound: shard_bytes, file_cost; run_id; total, processed, skipped, errors and unchanged as planned.

-- run whose plan it is
create unlogged table onec_staging.images_run (
    run_id text not null,
    begun_at timestamptz not null default now(),
    shown_at timestamptz not null default clock_timestamp(),
    total integer not null,
    processed integer not null default 0,
    skipped integer not null default 0,
    errors integer not null default 0,
    unchanged integer not null default 0
);

-- run how far it takes the import
insert into onec_staging.images_run (run_id, total, processed, skipped, errors, unchanged)
values (%(run_id)s, %(total)s, %(processed)s, %(skipped)s, %(errors)s, %(unchanged)s);

-- run files to publish
-- `path` is where it lies in the export, `name` what follows import_files in that; what its bytes are decides about its
-- name in the media store.
-- `known_as` is the name under which the store has it, where all references know it by that one; `is_held` says that
-- another file is on record under the name that this one bears, or bears it, too, and comes before. `place` is the order of publishing, the one of the
-- products; `uses` counts the references to a file; a shard is about shard_bytes long, and each file costs file_cost
-- besides its bytes.
create unlogged table onec_staging.images_files as
select *, dense_rank() over (order by bucket)::int as shard, 0 as products
from (
    select
        *,
        is_on_record or row_number() over (partition by name order by known_as is null, place) > 1 as is_held,
        div(
            sum(size_bytes + %(file_cost)s) over (order by place) - size_bytes - %(file_cost)s, %(shard_bytes)s
        ) as bucket
    from (
        select
            publishes as path,
            min(name) as name,
            min(source) as source,
            max(source_size) as size_bytes,
            max(known_sha256) as known_sha256,
            case when count(known_as) = count(*) and min(known_as) = max(known_as) then min(known_as) end as known_as,
            exists (
                select
                from onec.product_images i
                where i.media_path = min(r.name)
                    and coalesce(i.found_at <> publishes, right(i.source_path, length(min(r.name))) <> min(r.name))
            ) as is_on_record,
            min(seq) as place,
            count(*)::int as uses
        from onec_staging.images_references r
        where publishes is not null
        group by publishes
    ) files
) placed;

-- run files that complete a product
-- A product has been gone through when the last of its files is settled: how live progress is counted.
update onec_staging.images_files f
set products = completed.products
from (
    select path, count(*) as products
    from (
        select distinct on (r.product_id) f.path
        from onec_staging.images_references r
        join onec_staging.images_files f on f.path = r.publishes
        order by r.product_id, f.place desc
    ) last_files
    group by path
) completed
where completed.path = f.path;

-- run index of files
create index on onec_staging.images_files (shard, place);

-- run index of names
create index on onec_staging.images_files (name);

-- run index of paths
create unique index on onec_staging.images_files (path);

-- run names
-- Those that files have taken which are not published under the name that they bear, each by one of them.
create unlogged table onec_staging.images_names (
    media_path text primary key,
    path text not null
);

-- run shards
create unlogged table onec_staging.images_shards as
select shard, 0 as processed, 0 as created, 0 as skipped, 0 as errors
from onec_staging.images_files
group by shard;

-- run results
create unlogged table onec_staging.images_results (
    path text primary key,
    status text not null,
    reason text,
    media_path text,
    sha256 text,
    size_bytes bigint,
    source_mtime_ns bigint,
    width integer,
    height integer,
    format text
);
