-- What a person should look at in the customers after an import: how many there are. Personal data stays here.

-- count rows
-- A customer is never removed: the active ones are those that can vanish.
select count(*) from onec.customers where is_active;
