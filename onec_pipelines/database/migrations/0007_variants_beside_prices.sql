-- A prices or rests file that repeats an offer takes nothing from it; but where no offers file states it, such files
-- are all that there is of the variant, and it follows them.

alter table onec.product_variants add column is_beside_prices boolean not null default false;
comment on column onec.product_variants.is_beside_prices is 'Whether only prices or rests files state it, and no offers.';
