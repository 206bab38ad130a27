"""The catalogue: groups, units, property dictionaries, goods and offers. No prices, no stocks.

    <Классификатор>
      <Группы><Группа><Ид>..</Ид><Наименование>..</Наименование><Группы>..</Группы></Группа></Группы>
      <Свойства><Свойство><Ид>..</Ид><Наименование>..</Наименование>
        <ВариантыЗначений><Справочник><ИдЗначения>..</ИдЗначения><Значение>..</Значение></Справочник>..</ВариантыЗначений>
      </Свойство></Свойства>
      <ЕдиницыИзмерения><ЕдиницаИзмерения>..</ЕдиницаИзмерения></ЕдиницыИзмерения>
    </Классификатор>
    <Каталог><Товары><Товар><Ид>..</Ид>..<Картинка>..</Картинка></Товар></Товары></Каталог>
    <ПакетПредложений><Предложения><Предложение><Ид>good#char</Ид>..</Предложение></Предложения></ПакетПредложений>

Each element of a good or an offer that has no column is kept as `extra`; one that nobody has heard of is reported, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from onec_pipelines.commerceml.content import OFFER_MARKS
from onec_pipelines.commerceml.extra import Tree, add_value, attributes_of, check_extra, value_of
from onec_pipelines.commerceml.facts import (
    Reader,
    add_values,
    has_deleted_status,
    is_blank,
    is_deleted,
    is_deletion_mark,
    read_pairs,
    reject,
    states_none,
)
from onec_pipelines.commerceml.records import (
    Category,
    Fact,
    Good,
    Offer,
    Property,
    PropertyValue,
    Rejection,
    Unhandled,
    Unit,
)
from onec_pipelines.commerceml.values import ValueRejected, check_id, fits_index, means_empty, parse_vat
from onec_pipelines.commerceml.xml import Element, child_text, children, line_of, local_name, text, trimmed

BRAND_PROPERTY = "Бренд"
"""The Ид of the brand property in exports that have one."""

TEXTS = {
    "Ид": "onec_id",
    "Код": "code",
    "Артикул": "article",
    "Наименование": "name",
    "Описание": "description",
    "Штрихкод": "barcode",
    "ШтрихКод": "barcode",
    "Страна": "country",
    "СтавкаНДС": "vat",
    "ТорговаяМарка": "trademark",
}
KEY = "ТорговаяМарка"
"""A text that becomes an identifier: one too long for that is not taken, and reported as unhandled."""
DIMENSIONS = frozenset({"Ширина", "Длина", "Высота", "Вес", "Объем", "Объём"})
OF_OFFERS = frozenset({"Ид", "Артикул", "Наименование", "Штрихкод", "ШтрихКод"})
"""Those of `TEXTS` that an offer has columns for."""
HTML_REQUISITE = "ОписаниеВФорматеHTML"
PASSED_OVER = frozenset(
    {
        "НомерВерсии",  # how often 1C has saved it
        "Цены",
        "Остатки",
        "Количество",
        "Склад",
        "Склады",
        "КоличествоНаСкладах",
        "ОстаткиПоСкладу",  # prices and stocks have readers of their own
    }
)
WITHOUT_COLUMN = frozenset(
    {
        "ИдКаталога",
        "ИдКлассификатора",
        "Категория",  # the item kind, not the tree
        "КодГруппыТоваров",
        "ПолноеНаименование",
        "Модель",
        "Пересчет",
        "Акциз",
        "Акцизы",
        "ИдТовараУКонтрагента",
        "ГТД",
        "НомерГТД",
        "Комплектующие",
        "Аналоги",
        "ХарактеристикиТовара",
        "ХарактеристикиТовараПредставление",
        "НеУчитыватьХарактеристики",
        "Контрагент",
        "Единица",
        "Коэффициент",
        "Валюта",
    }
)
"""Known to be in goods and offers, and kept as `extra`."""


@dataclass(slots=True)
class _Draft:
    """What has been read of a good or an offer so far."""

    texts: dict[str, str] = field(default_factory=dict)
    group_onec_ids: list[str] = field(default_factory=list)
    images: list[str] | None = None
    properties: dict[str, str | list[str]] = field(default_factory=dict)
    requisites: dict[str, str | list[str]] = field(default_factory=dict)
    characteristics: dict[str, str | list[str]] = field(default_factory=dict)
    dimensions: dict[str, str | list[str]] = field(default_factory=dict)
    unit: Unit | None = None
    unit_code: str | None = None
    manufacturer: tuple[str | None, str | None] = (None, None)
    extra: Tree = field(default_factory=dict)
    deleted: bool = False
    unhandled: list[str] = field(default_factory=list)

    def get(self, name: str) -> str | None:
        return self.texts.get(name)


def _read_groups(element: Element, draft: _Draft) -> None:
    draft.group_onec_ids += [group for tag, child in children(element) if tag == "Ид" and (group := text(child))]
    _keep_rest(element, draft, "Ид")


def _read_image(element: Element, draft: _Draft) -> None:
    path = text(element)
    draft.images = [*(draft.images or []), *([path] if path else [])]


def _keep_rest(element: Element, draft: _Draft, *taken: str) -> None:
    """Keep what an element states besides what is taken of it; `text` is its own."""
    stated = value_of(element)
    tree = stated if isinstance(stated, dict) else {"text": stated}
    rest = {name: value for name, value in tree.items() if value and name not in taken}
    add_value(draft.extra, local_name(element), rest)


def _read_base_unit(element: Element, draft: _Draft) -> None:
    _read_unit(element, draft)
    taken = ("text", "Код", "НаименованиеКраткое", "НаименованиеПолное") if draft.unit_code is not None else ()
    _keep_rest(element, draft, *taken)


def _read_unit_of_offer(element: Element, draft: _Draft) -> None:
    _read_unit(element, draft)
    add_value(draft.extra, local_name(element), value_of(element))


def _read_unit(element: Element, draft: _Draft) -> None:
    """`<БазоваяЕдиница>796 </...>`, or `<БазоваяЕдиница Код="796 " НаименованиеПолное="Штука">шт</...>`.

    The second form describes the unit; where its code is empty, the unit goes by its name.
    """
    code = (element.get("Код") or "").strip() or child_text(element, "Код")
    name = text(element) or child_text(element, "НаименованиеКраткое")
    full_name = (element.get("НаименованиеПолное") or "").strip() or child_text(element, "НаименованиеПолное")
    stated = code or name or full_name or trimmed(element)
    if stated is not None and not fits_index(stated):
        draft.unhandled.append("БазоваяЕдиница")
        return
    draft.unit_code = stated
    if stated and (code or full_name or element.get("Код") is not None):
        short_name = name if name and name != code else ""
        draft.unit = Unit(stated, short_name, full_name, deleted=False, line=line_of(element))


def _read_manufacturer(element: Element, draft: _Draft) -> None:
    names = [name for name in ("Наименование", "ОфициальноеНаименование") if child_text(element, name)] or ["text"]
    onec_id = child_text(element, "Ид")
    name = text(element) if names == ["text"] else child_text(element, names[0])
    draft.manufacturer = (None if means_empty(onec_id) else onec_id, name)
    _keep_rest(element, draft, "Ид", names[0])


def _read_pairs(element: Element, draft: _Draft, key: str, else_key: str = "") -> dict[str, str | list[str]]:
    rest: list[object] = []
    pairs = read_pairs(element, key, "Значение", else_key, rest)
    for stated in rest:
        add_value(draft.extra, local_name(element), stated)
    return pairs


def _read_properties(element: Element, draft: _Draft) -> None:
    for name, values in _read_pairs(element, draft, "Ид", "Наименование").items():
        add_values(draft.properties, name, values if isinstance(values, list) else [values])


def _read_requisites(element: Element, draft: _Draft) -> None:
    for name, values in _read_pairs(element, draft, "Наименование").items():
        add_values(draft.requisites, name, values if isinstance(values, list) else [values])


def _read_characteristics(element: Element, draft: _Draft) -> None:
    for name, values in _read_pairs(element, draft, "Наименование").items():
        draft.characteristics[name] = values if isinstance(values, str) else values[-1]
        if not isinstance(values, str):
            add_value(draft.extra, local_name(element), {name: values[:-1]})


def _read_taxes(element: Element, draft: _Draft) -> None:
    is_taken = len(element) == 1
    for _, tax in children(element):
        rate = child_text(tax, "Ставка")
        if rate and (child_text(tax, "Наименование") or "НДС").upper().startswith("НДС"):
            is_taken &= len(tax) <= len(("Наименование", "Ставка"))
            if draft.texts.setdefault("vat", rate) != rate:
                add_value(draft.extra, "СтавкаНДС", draft.get("vat"))
            draft.texts["vat"] = rate
        else:
            is_taken = False
    if not is_taken:
        add_value(draft.extra, local_name(element), value_of(element))


def _read_deletion_mark(element: Element, draft: _Draft) -> None:
    tag = local_name(element)
    is_mark = is_deletion_mark(tag, element)
    draft.deleted |= is_mark
    if tag == "Статус" and not is_mark:
        add_value(draft.extra, tag, value_of(element))


Parts = Mapping[str, Callable[[Element, _Draft], None]]

OF_BOTH: Parts = {
    "Картинка": _read_image,
    "ЗначенияСвойств": _read_properties,
    "ПометкаУдаления": _read_deletion_mark,
    "Статус": _read_deletion_mark,
}
PARTS_OF_GOOD: Parts = {
    **OF_BOTH,
    "Группы": _read_groups,
    "БазоваяЕдиница": _read_base_unit,
    "Изготовитель": _read_manufacturer,
    "ЗначенияРеквизитов": _read_requisites,
    "СтавкиНалогов": _read_taxes,
}
PARTS_OF_OFFER: Parts = {
    **OF_BOTH,
    "ХарактеристикиТовара": _read_characteristics,
    "БазоваяЕдиница": _read_unit_of_offer,
}
KNOWN = PARTS_OF_GOOD.keys() | TEXTS.keys() | WITHOUT_COLUMN


def _read_draft(element: Element, nested: Parts) -> _Draft:
    draft = _Draft(deleted=has_deleted_status(element), extra=attributes_of(element))
    if draft.deleted:
        draft.extra.pop("Статус", None)
    texts = TEXTS if nested is PARTS_OF_GOOD else OF_OFFERS
    for tag, child in children(element):
        if tag in texts:
            _read_text(tag, child, draft)
        elif tag in DIMENSIONS:
            _read_dimension(tag, child, draft)
        elif tag in nested:
            nested[tag](child, draft)
        elif tag not in PASSED_OVER:
            add_value(draft.extra, tag, value_of(child))
            if tag not in KNOWN:
                draft.unhandled.append(tag)
    return draft


def _read_dimension(tag: str, element: Element, draft: _Draft) -> None:
    content = text(element)
    if content is not None and not means_empty(content) and draft.dimensions.setdefault(tag, content) != content:
        add_value(draft.extra, tag, content)
    if element.attrib:
        add_value(draft.extra, tag, attributes_of(element))


def _read_text(tag: str, element: Element, draft: _Draft) -> None:
    """A text; the first of several has the column."""
    content = _text_of_markup(element) if len(element) else text(element)
    if element.attrib:
        add_value(draft.extra, tag, attributes_of(element))
    if content is None:
        return
    if tag == KEY and not fits_index(content):
        draft.unhandled.append(tag)
        add_value(draft.extra, tag, content)
    elif draft.texts.setdefault(TEXTS[tag], content) != content:
        add_value(draft.extra, tag, content)


def _text_of_markup(element: Element) -> str | None:
    """All of the text, where HTML was not escaped and its tags are elements."""
    return "".join(map(str, element.itertext())).strip() or None


def _unhandled(element: Element, draft: _Draft) -> Iterator[Unhandled]:
    return (Unhandled(f"{local_name(element)}/{tag}") for tag in draft.unhandled)


def read_good(element: Element) -> Iterator[Fact]:
    """A good; its 2.0x unit; and, where its id is `good#char`, its variant.

    A deletion mark may come with nothing but the id; any other good without a name is rejected.
    """
    if is_blank(element):
        return
    draft, line = _read_draft(element, PARTS_OF_GOOD), line_of(element)
    yield from _unhandled(element, draft)
    try:
        onec_id = check_id(draft.get("onec_id"))
        base_id, is_variant, _ = onec_id.partition("#")
        check_id(base_id or None)
        if draft.get("name") is None and not draft.deleted:
            raise ValueRejected("нет Наименования")
    except ValueRejected as rejected:
        yield reject("product", draft.get("onec_id"), rejected, line, _payload(draft))
        return
    if draft.unit:
        yield draft.unit
    if is_variant:
        draft.extra.pop("ХарактеристикиТовара", None)
    good = _good(draft, base_id, onec_id if is_variant else None, line)
    yield from _within_limit(good, "product")
    if is_variant:
        offer = _offer(_read_draft(element, PARTS_OF_OFFER), onec_id, line, from_good=True)
        yield from _within_limit(offer, "offer")


def _within_limit(record: Good | Offer, entity: str) -> Iterator[Fact]:
    """The record; where it states too much that has no column, without that, which is rejected."""
    try:
        check_extra(record.extra)
    except ValueRejected as rejected:
        yield record._replace(extra={})
        yield Rejection(entity, record.onec_id, "extra", str(rejected), {}, record.line)
    else:
        yield record


def _good(draft: _Draft, onec_id: str, variant_onec_id: str | None, line: int) -> Good:
    brand_onec_id, brand_name = _brand(draft)
    if draft.manufacturer[0] != brand_onec_id:
        add_value(draft.extra, "Изготовитель", {"Ид": draft.manufacturer[0]} if draft.manufacturer[0] else None)
    if draft.get("trademark") != brand_onec_id:
        add_value(draft.extra, KEY, draft.get("trademark"))
    return Good(
        onec_id=onec_id,
        code=draft.get("code"),
        article=draft.get("article"),
        name=draft.get("name"),
        description=_description(draft),
        barcode=draft.get("barcode"),
        group_onec_ids=tuple(dict.fromkeys(draft.group_onec_ids)),
        unit_code=draft.unit_code,
        brand_onec_id=brand_onec_id,
        brand_name=brand_name,
        vat=draft.get("vat"),
        vat_rate=parse_vat(draft.get("vat")),
        country=draft.get("country"),
        manufacturer=draft.manufacturer[1],
        properties=draft.properties,
        requisites=draft.requisites,
        dimensions=draft.dimensions,
        images=None if draft.images is None else tuple(draft.images),
        extra=draft.extra,
        variant_onec_id=variant_onec_id,
        deleted=draft.deleted,
        line=line,
    )


def _description(draft: _Draft) -> str | None:
    """Описание, or the requisite that has it as HTML: the richer of both, which is the longer one."""
    plain, html = draft.get("description"), draft.requisites.get(HTML_REQUISITE)
    richest = max([html] if isinstance(html, str) else html or [""], key=len)
    if len(richest) <= len(plain or ""):
        return plain
    add_value(draft.extra, "Описание", plain)
    return richest


def _brand(draft: _Draft) -> tuple[str | None, str | None]:
    """Id and name of the brand: a dictionary id without a name, or a name that is its own id."""
    stated = draft.properties.get(BRAND_PROPERTY)
    if stated:
        brand = stated if isinstance(stated, str) else stated[0]
        return (brand, None) if fits_index(brand) else (None, None)
    trademark = draft.get("trademark")
    if trademark:
        return trademark, trademark
    onec_id, name = draft.manufacturer
    onec_id = onec_id or name
    return (onec_id, name) if onec_id and fits_index(onec_id) else (None, None)


def _offer(draft: _Draft, onec_id: str, line: int, *, beside_prices: bool = False, from_good: bool = False) -> Offer:
    describes = beside_prices or _describes(draft)
    is_mark = draft.deleted and not describes
    return Offer(
        onec_id=onec_id,
        article=draft.get("article"),
        name=draft.get("name"),
        barcode=draft.get("barcode"),
        characteristics=draft.characteristics,
        properties=draft.properties,
        dimensions=draft.dimensions,
        images=None if draft.images is None or is_mark else tuple(draft.images),
        extra=draft.extra,
        beside_prices=beside_prices,
        from_good=from_good,
        is_bare=not describes,
        deleted=draft.deleted,
        line=line,
    )


def _describes(draft: _Draft) -> bool:
    """Whether an offer says what its variant is; a deletion mark without a name does not, whatever stands beside it."""
    if draft.get("name") is not None or draft.deleted:
        return draft.get("name") is not None
    return bool(
        draft.get("article") or draft.get("barcode") or draft.characteristics or draft.properties or draft.images
    )


def read_offer(element: Element, *, beside_prices: bool = False) -> Iterator[Fact]:
    """An offer as a variant."""
    if is_blank(element):
        return
    draft, line = _read_draft(element, PARTS_OF_OFFER), line_of(element)
    yield from _unhandled(element, draft)
    try:
        onec_id = check_id(draft.get("onec_id"))
    except ValueRejected as rejected:
        yield reject("offer", draft.get("onec_id"), rejected, line, _payload(draft))
        return
    if draft.unit:
        yield draft.unit
    yield from _within_limit(_offer(draft, onec_id, line, beside_prices=beside_prices), "offer")


def read_offer_beside_prices(element: Element) -> Iterator[Fact]:
    """An offer of a prices or rests file: a variant only where it describes one."""
    if any(tag in OFFER_MARKS for tag, _ in children(element)):
        yield from read_offer(element, beside_prices=True)


def _payload(draft: _Draft) -> dict[str, str | None]:
    return {name: content[:1000] for name, content in draft.texts.items()}


def read_category(element: Element) -> Iterator[Fact]:
    """A group with the id of the group around it."""
    if states_none(element, "Ид", "Наименование"):
        return
    line = line_of(element)
    stated = child_text(element, "Ид")
    try:
        onec_id = check_id(stated)
        parent_onec_id = _parent_category(element)
        name = child_text(element, "Наименование")
        if name is None and not is_deleted(element):
            raise ValueRejected("нет Наименования")
    except ValueRejected as rejected:
        yield reject("category", stated, rejected, line)
        return
    description = child_text(element, "Описание")
    yield Category(onec_id, parent_onec_id, name or "", description, is_deleted(element), line)


def _parent_category(element: Element) -> str | None:
    around = element.getparent()
    parent = around.getparent() if around is not None else None
    if parent is None or local_name(parent) != "Группа":
        return None
    parent_onec_id = child_text(parent, "Ид")
    if parent_onec_id is None:
        raise ValueRejected("у родительской группы нет Ид перед вложенными группами")
    return check_id(parent_onec_id, "Ид родительской группы")


def read_unit(element: Element) -> Iterator[Fact]:
    """A unit of measure of the classifier; its id is the trimmed code."""
    stated = child_text(element, "Код") or child_text(element, "Ид") or _blank_code(element)
    if stated is None and states_none(element, "НаименованиеКраткое", "НаименованиеПолное", "Наименование"):
        return
    try:
        onec_id = check_id(stated)
    except ValueRejected as rejected:
        yield reject("unit", stated, rejected, line_of(element))
        return
    full_name = child_text(element, "НаименованиеПолное")
    name = child_text(element, "НаименованиеКраткое") or child_text(element, "Наименование")
    yield Unit(onec_id, name or "", full_name, is_deleted(element), line_of(element))


def _blank_code(element: Element) -> str | None:
    """The empty string for a code of spaces: 1C keeps such a unit, and goods refer to it by the same spaces."""
    return next((trimmed(child) for tag, child in children(element) if tag == "Код"), None)


def read_property(element: Element) -> Iterator[Fact]:
    """A property; its dictionary has been read value by value before."""
    if states_none(element, "Ид", "Наименование"):
        return
    line = line_of(element)
    stated, name = child_text(element, "Ид"), child_text(element, "Наименование")
    try:
        onec_id = _property_id(element)
    except ValueRejected as rejected:
        yield reject("property", stated or name, rejected, line)
        return
    yield Property(onec_id, name or "", _value_type(element), is_deleted(element), line)


def _property_id(element: Element) -> str:
    stated = child_text(element, "Ид")
    return check_id(stated) if stated else check_id(child_text(element, "Наименование"), "Наименование")


def _value_type(element: Element) -> str | None:
    """`<ТипЗначений>Число</ТипЗначений>`, or 2.03's `<ТипыЗначений><ТипЗначений><Тип>Число</Тип>..`."""
    stated = (child for tag, child in children(element) if tag in {"ТипЗначений", "ТипыЗначений"})
    return next((found for child in stated for part in (child, *child.iter("{*}Тип")) if (found := text(part))), None)


def read_property_value(element: Element) -> Iterator[Fact]:
    """One entry of a property's dictionary."""
    if states_none(element, "ИдЗначения", "Ид", "Значение"):
        return
    stated = child_text(element, "ИдЗначения") or child_text(element, "Ид")
    try:
        property_onec_id = _property_around(element)
        onec_id = check_id(stated)
    except ValueRejected as rejected:
        yield reject("property_value", stated, rejected, line_of(element))
        return
    yield PropertyValue(property_onec_id, onec_id, child_text(element, "Значение") or "", line_of(element))


def _property_around(element: Element) -> str:
    for around in element.iterancestors():
        if local_name(around) in {"Свойство", "СвойствоНоменклатуры"} and not states_none(around, "Ид", "Наименование"):
            return _property_id(around)
    raise ValueRejected("у свойства нет Ид перед вариантами значений")


CLASSIFIER_READERS: Mapping[str, Reader] = {
    "Группа": read_category,
    "ЕдиницаИзмерения": read_unit,
    "Свойство": read_property,
    "СвойствоНоменклатуры": read_property,
    "Справочник": read_property_value,
    "Вариант": read_property_value,
    "ВариантЗначения": read_property_value,
}
READERS: Mapping[str, Reader] = {**CLASSIFIER_READERS, "Товар": read_good, "Предложение": read_offer}
READERS_BESIDE_PRICES: Mapping[str, Reader] = {**READERS, "Предложение": read_offer_beside_prices}
