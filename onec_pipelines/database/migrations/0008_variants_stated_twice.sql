-- 2.04 states a variant twice, as a good and as an offer, and a delta may bring one of them alone: what the other has
-- said still holds.

alter table onec.product_variants add column statements jsonb;
comment on column onec.product_variants.statements is
    'What a Товар (2.04) and a Предложение last stated of it, each as read; null where no Товар does.';
