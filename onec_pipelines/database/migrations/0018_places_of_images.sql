-- A path of the XML is relative to the file that states it; two directories may hold two files of one path.

alter table onec.image_references add directory text;
comment on column onec.image_references.directory is
    'The directory of the file that states the path, relative to the export; empty is the export itself. Null: stated before 0.2.0.';
alter table onec.product_images add found_at text;
comment on column onec.product_images.found_at is
    'Where the file lay that was published, relative to the export. Null: published before 0.2.0.';
