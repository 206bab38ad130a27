from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from onec_pipelines.database import migrate as module
from onec_pipelines.database.connection import connect
from onec_pipelines.database.migrate import Migration, check_history, migrate, migrations
from onec_pipelines.errors import DatabaseError

ADVISED = "select name, sha256, xmin::text from onec.schema_migrations order by version"


@pytest.fixture
def empty_url(database_url):
    """A database in which nothing of ours is."""
    with connect(database_url) as connection:
        connection.execute("drop schema onec cascade")
        connection.execute("drop schema onec_staging cascade")
    return database_url


def test_the_files_are_numbered_without_a_gap():
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_an_empty_database_gets_all_of_them_in_order(empty_url):
    assert migrate(empty_url) == [migration.name for migration in migrations()]


def test_a_second_time_does_nothing(empty_url):
    migrate(empty_url)
    with connect(empty_url) as connection:
        before = connection.execute(ADVISED).fetchall()
        assert migrate(empty_url) == []
        assert connection.execute(ADVISED).fetchall() == before


def test_several_processes_at_once_apply_each_once(empty_url):
    with ThreadPoolExecutor() as pool:
        applied = list(pool.map(lambda _: migrate(empty_url), range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations())]


def test_only_what_is_pending_is_applied(empty_url, monkeypatch):
    known = [*migrations()]
    monkeypatch.setattr(module, "migrations", lambda: known)
    migrate(empty_url)
    known.append(Migration(99, "0099_new.sql", "create table onec.new (id int)"))
    assert migrate(empty_url) == ["0099_new.sql"]


def test_a_migration_that_fails_leaves_nothing_of_any(empty_url, monkeypatch):
    known = [*migrations(), Migration(99, "0099_wrong.sql", "create table onec.new (id int); select wrong")]
    monkeypatch.setattr(module, "migrations", lambda: known)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        migrate(empty_url)
    with connect(empty_url) as connection:
        assert connection.execute("select to_regnamespace('onec')").fetchone() == (None,)


def test_a_migration_with_another_wording_is_refused(database_url, connection):
    connection.execute("update onec.schema_migrations set sha256 = 'other' where version = 2")
    with pytest.raises(
        DatabaseError, match=r"Migration 0002_views\.sql was applied to the database in another wording"
    ):
        migrate(database_url)


def test_a_database_of_a_newer_version_is_refused(database_url, connection):
    connection.execute("insert into onec.schema_migrations (version, name, sha256) values (99, 'new', '')")
    with pytest.raises(DatabaseError, match="has migration 99, which this version of onec_pipelines does not know"):
        migrate(database_url)


def test_a_history_that_is_known_is_not_refused():
    known = migrations()
    check_history(known, {1: known[0].sha256})


def test_every_table_view_and_column_has_a_comment(connection):
    bare = connection.execute("""
        select c.relname, a.attname
        from pg_class c
        join pg_attribute a on a.attrelid = c.oid and a.attnum >= 0 and not a.attisdropped
        where c.relnamespace = 'onec'::regnamespace and c.relkind in ('r', 'v', 'm', 'p')
            and (col_description(c.oid, a.attnum) is null or obj_description(c.oid, 'pg_class') is null)
        union all
        select nspname, '' from pg_namespace n
        where nspname in ('onec', 'onec_staging') and obj_description(n.oid, 'pg_namespace') is null
    """).fetchall()
    assert bare == []


CONTRACT = {
    "categories": "id onec_id parent_id name description is_active created_at updated_at",
    "brands": "id onec_id name is_active created_at updated_at",
    "units": "id onec_id name full_name is_active created_at updated_at",
    "properties": "id onec_id name value_type is_active created_at updated_at",
    "property_values": "id property_id onec_id value",
    "products": "id onec_id article name description barcode category_id brand_id unit_id vat_rate country "
    "manufacturer properties requisites is_active created_at updated_at",
    "product_categories": "product_id category_id",
    "product_variants": "id onec_id product_id article name barcode characteristics is_default is_active created_at "
    "updated_at",
    "price_types": "id onec_id name currency is_active created_at updated_at",
    "prices": "variant_id price_type_id value currency updated_at",
    "warehouses": "id onec_id name is_active created_at updated_at",
    "stocks": "variant_id warehouse_id quantity updated_at",
    "customers": "id onec_id kind name full_name inn kpp okpo email phone roles addresses contacts bank_accounts "
    "representatives is_active created_at updated_at",
    "image_references": "product_id variant_id position path",
    "product_images": "product_id variant_id position is_main source_path media_path sha256 size_bytes width height "
    "format updated_at",
    "pending_records": "import_type entity onec_id payload source_file first_seen_at",
    "rejected_records": "run_id import_type entity onec_id reason source_file source_line payload created_at",
    "import_files": "import_type path size_bytes sha256 rows run_id imported_at",
    "product_attributes": "product_id product_onec_id article property_name value",
    "current_prices": "product_onec_id variant_onec_id article product_name variant_name value",
    "current_stocks": "product_onec_id variant_onec_id article product_name variant_name value",
}


def test_the_tables_have_the_columns_of_the_contract(connection):
    for table, columns in CONTRACT.items():
        found = {column.name for column in connection.execute(f"select * from onec.{table} limit 0").description}
        assert set(columns.split()) - found == set(), table


TYPES = {
    ("products", "id"): "bigint",
    ("products", "vat_rate"): "numeric",
    ("products", "properties"): "jsonb",
    ("prices", "value"): "numeric",
    ("stocks", "quantity"): "numeric",
    ("customers", "roles"): "text[]",
    ("customers", "addresses"): "jsonb",
    ("pending_records", "payload"): "jsonb",
}


def test_the_types_are_those_of_the_contract(connection):
    found = connection.execute("""
        select relname, attname, format_type(atttypid, atttypmod)
        from pg_attribute join pg_class c on c.oid = attrelid where relnamespace = 'onec'::regnamespace
    """)
    types = {(table, column): kind for table, column, kind in found}
    assert {column: types[column] for column in TYPES} == TYPES
