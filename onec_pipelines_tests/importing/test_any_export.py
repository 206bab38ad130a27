"""What holds for any export: how it is cut into segments, the order of deltas, and how often it is imported."""

from collections.abc import Callable
from itertools import pairwise

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

bounded = settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MARK = "<ПометкаУдаления>true</ПометкаУдаления>"
TYPES, PLACES = ("retail", "dealer", "undeclared"), ("main", "far", "undeclared")


def identifiers(goods: str):
    """Ids of goods, of offers with a characteristic, and of goods in the place of offers."""
    return st.sampled_from(goods), st.sampled_from([*goods, *(f"{good}#{number}" for good in goods for number in "12")])


def exports(goods: str = "abc"):
    """Lists of elements by the directory they belong to.

    Repeated, rejected, orphaned and marked ones among them, goods of 2.04, and prices that repeat their offer.
    """
    good, offer = identifiers(goods)
    name = st.sampled_from(["Стул", "Стол"])
    groups = f"<Группы><Ид>{goods[-1]}</Ид><Ид>x</Ид></Группы>"
    more = st.sampled_from(["", "", MARK, groups, "<Картинка>a.jpg</Картинка><Картинка>b.jpg</Картинка>"])
    mark = st.sampled_from(["", "", "", MARK])
    article = st.sampled_from(["", "", "<Артикул>A-1</Артикул>"])
    described = "<Предложение><Ид>{}</Ид><Наименование>{}</Наименование>{}</Предложение>"
    return st.fixed_dictionaries(
        {
            "goods": st.lists(
                st.one_of(
                    st.builds("<Товар><Ид>{}</Ид><Наименование>{}</Наименование>{}</Товар>".format, good, name, more),
                    st.builds("<Товар><Ид>{}</Ид><Наименование>{}</Наименование>{}</Товар>".format, offer, name, more),
                    st.builds('<Товар Статус="Удален"><Ид>{}</Ид></Товар>'.format, offer),
                    st.builds("<Товар><Ид>{}</Ид></Товар>".format, good),
                ),
                max_size=6,
            ),
            "offers": st.lists(
                st.one_of(
                    st.builds(described.format, offer, name, mark),
                    st.builds('<Предложение Статус="Удален"><Ид>{}</Ид></Предложение>'.format, offer),
                ),
                max_size=6,
            ),
            "prices": st.lists(st.builds(price_list, offer, cells(TYPES), article), max_size=6),
            "rests": st.lists(st.builds(rests, offer, cells(PLACES)), max_size=6),
            "groups": st.lists(
                st.one_of(group(good, name, mark), group(good, name, mark, group(good, name))), max_size=3
            ),
            "contragents": st.lists(
                st.one_of(
                    st.builds(
                        "<Контрагент><Ид>{}</Ид><Наименование>{}</Наименование>{}</Контрагент>".format, good, name, mark
                    ),
                    st.builds('<Контрагент Статус="Удален"><Ид>{}</Ид></Контрагент>'.format, good),
                    st.builds("<Контрагент><Ид>{}</Ид><Роль>Поставщик</Роль></Контрагент>".format, good),
                    st.builds("<Контрагент><Ид>{}</Ид><ИНН>7701000009</ИНН>{}</Контрагент>".format, good, mark),
                ),
                max_size=4,
            ),
        }
    )


def group(onec_id, name, mark=st.just(""), inside=st.just("")):  # noqa: B008 - strategies have no state
    described = "<Группа><Ид>{}</Ид><Наименование>{}</Наименование>{}<Группы>{}</Группы></Группа>"
    return st.builds(described.format, onec_id, name, mark, inside)


def cells(columns: tuple[str, ...]):
    return st.lists(st.tuples(st.sampled_from(columns), st.sampled_from(["1", "2", "", "дорого"])), max_size=3)


def price_list(offer: str, cells: list[tuple[str, str]], article: str) -> str:
    prices = "".join(
        f"<Цена><ИдТипаЦены>{kind}</ИдТипаЦены><ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу></Цена>" for kind, value in cells
    )
    return f"<Предложение><Ид>{offer}</Ид>{article}<Цены>{prices}</Цены></Предложение>"


def rests(offer: str, cells: list[tuple[str, str]]) -> str:
    stocks = "".join(
        f"<Остаток><Склад><Ид>{place}</Ид><Количество>{value}</Количество></Склад></Остаток>" for place, value in cells
    )
    return f"<Предложение><Ид>{offer}</Ид><Остатки>{stocks}</Остатки></Предложение>"


@pytest.fixture
def shop(export, xml):
    export.groups(xml.group("x") + xml.group("y"))
    export.price_types(xml.price_type("retail") + xml.price_type("dealer"))
    export.warehouses(xml.warehouse("main") + xml.warehouse("far"))
    export.goods(xml.good("always"))
    export.contragents(xml.customer("always"))
    return export


@pytest.fixture
def import_anew(shop, imports, connection, contents, emptied) -> Callable[..., dict]:
    """Import exports, one after another, into an empty database: what the tables then hold."""

    def run(*stated: tuple[dict[str, list[str]], list[int], bool]) -> dict:
        emptied(connection)
        for elements, cuts, delta in stated:
            write(shop, elements, cuts, delta=delta)
            imports.everything()
            imports.customers()
        return contents(connection)

    return run


def write(export, elements: dict[str, list[str]], cuts: list[int], *, delta: bool) -> None:
    """Write elements in segments 2, 3, ...: cut where `cuts` says."""
    for directory, stated in elements.items():
        for old in export.root.glob(f"{directory}/{directory}_*.xml"):
            if old.stem.rpartition("_")[2] not in {"0", "1"}:
                old.unlink()
        places = [0, *sorted(cut % (len(stated) + 1) for cut in cuts), len(stated)]
        for segment, (start, end) in enumerate(pairwise(places), start=2):
            getattr(export, directory)("".join(stated[start:end]), segment=segment, delta=delta)


CUTS = st.lists(st.integers(0, 20), max_size=11)


@bounded
@given(elements=exports(), cuts=CUTS, delta=st.booleans())
def test_any_split_into_segments_gives_the_same_tables(elements, cuts, delta, import_anew):
    assert import_anew((elements, cuts, delta)) == import_anew((elements, [], delta))


@bounded
@given(base=exports("abcd"), one=exports("ab"), other=exports("cd"))
def test_two_deltas_on_disjoint_goods_give_the_same_tables_in_either_order(base, one, other, import_anew):
    start = (base, [], False)
    one, other = (one, [], True), (other, [], True)
    held, turned = import_anew(start, one, other), import_anew(start, other, one)
    assert {**held, "rejected_records": None} == {**turned, "rejected_records": None}  # those are the last import's


def plain(elements: dict[str, list[str]]) -> dict[str, list[str]]:
    """Without rejected cells, goods of 2.04, prices that describe their offer: what they say yields to what is known.

    And without contragents: a delta never blanks them, but within one the later row wins whole.
    """
    return {
        directory: [
            one
            for one in stated
            if "дорого" not in one and "Артикул" not in one and not (directory == "goods" and "#" in one)
        ]
        for directory, stated in elements.items()
        if directory != "contragents"
    }


@bounded
@given(base=exports().map(plain), one=exports().map(plain), other=exports().map(plain))
def test_two_deltas_in_one_import_are_two_deltas_one_after_the_other(base, one, other, import_anew):
    start = (base, [], False)
    both = {directory: [*stated, *other[directory]] for directory, stated in one.items()}
    joined, apart = import_anew(start, (both, [], True)), import_anew(start, (one, [], True), (other, [], True))
    assert {**joined, "rejected_records": None} == {**apart, "rejected_records": None}


@bounded
@given(
    steps=st.lists(
        st.tuples(
            exports(),
            st.booleans(),
            st.lists(st.sampled_from(["catalog", "stocks", "prices", "customers"]), max_size=3),
        ),
        max_size=4,
    )
)
def test_whatever_was_imported_before_importing_twice_is_importing_once(
    steps, shop, imports, connection: psycopg.Connection, emptied
):
    emptied(connection)
    imports.catalog()
    for elements, delta, order in steps:
        write(shop, elements, [], delta=delta)
        for import_type in order:
            imports(import_type)
            imports.again()
