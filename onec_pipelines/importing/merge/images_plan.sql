-- From the staged references (onec_staging.images_references) to the files that must be published and their shards.
-- A file that several products show is one file. Bound: shard_bytes, file_cost; run_id and base (the directory above
-- import_files); total, processed, skipped, errors and unchanged as planned.

-- run whose plan it is
create unlogged table onec_staging.images_run (
    run_id text not null,
    base text not null,
    begun_at timestamptz not null default now(),
    shown_at timestamptz not null default clock_timestamp(),
    total integer not null,
    processed integer not null default 0,
    skipped integer not null default 0,
    errors integer not null default 0,
    unchanged integer not null default 0
);

-- run how far it takes the import
insert into onec_staging.images_run (run_id, base, total, processed, skipped, errors, unchanged)
values (%(run_id)s, %(base)s, %(total)s, %(processed)s, %(skipped)s, %(errors)s, %(unchanged)s);

-- run files to publish
-- `place` is the order of publishing, the one of the products; `uses` counts the references to a file; a shard is
-- about shard_bytes long, and each file costs file_cost besides its bytes.
create unlogged table onec_staging.images_files as
select *, dense_rank() over (order by bucket)::int as shard, 0 as products
from (
    select
        *,
        div(
            sum(size_bytes + %(file_cost)s) over (order by place) - size_bytes - %(file_cost)s, %(shard_bytes)s
        ) as bucket
    from (
        select
            publishes as media_path,
            min(source) as source,
            max(source_size) as size_bytes,
            max(known_sha256) as known_sha256,
            min(seq) as place,
            count(*)::int as uses
        from onec_staging.images_references
        where publishes is not null
        group by publishes
    ) files
) placed;

-- run files that complete a product
-- A product has been gone through when the last of its files is settled: how live progress is counted.
update onec_staging.images_files f
set products = completed.products
from (
    select media_path, count(*) as products
    from (
        select distinct on (r.product_id) f.media_path
        from onec_staging.images_references r
        join onec_staging.images_files f on f.media_path = r.publishes
        order by r.product_id, f.place desc
    ) last_files
    group by media_path
) completed
where completed.media_path = f.media_path;

-- run index of files
create index on onec_staging.images_files (shard, place);

-- run shards
create unlogged table onec_staging.images_shards as
select shard, 0 as processed, 0 as created, 0 as skipped, 0 as errors
from onec_staging.images_files
group by shard;

-- run results
create unlogged table onec_staging.images_results (
    media_path text primary key,
    status text not null,
    reason text,
    sha256 text,
    size_bytes bigint,
    source_mtime_ns bigint,
    width integer,
    height integer,
    format text
);
