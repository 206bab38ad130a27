"""Damaged XML for the readers, damaged images for the inspection: facts or a typed error, nothing else.

    python onec_pipelines_tests/faults/fuzz.py readers 50000 7
    python onec_pipelines_tests/faults/fuzz.py images 50000 7

Inputs come of a small valid corpus by a seeded generator, so that a failure is found again by its seed and number.
It prints `inputs, facts, refusals` and ends with 0, or it prints the input that something else came of, and ends
with 1. Whoever starts it sets the time that it may take: a hang is the caller's to notice.
"""

import io
import random
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from onec_pipelines.commerceml import catalog, customers, prices, stocks
from onec_pipelines.commerceml.content import read_content
from onec_pipelines.commerceml.export import ExportFile
from onec_pipelines.commerceml.facts import read_file
from onec_pipelines.errors import ExportError
from onec_pipelines.images.inspection import inspect
from onec_pipelines.images.source import ImageRejected

READERS = (catalog.READERS, catalog.READERS_BESIDE_PRICES, prices.READERS, stocks.READERS, customers.READERS)
ROOT = '<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация ВерсияСхемы="2.08">{}</КоммерческаяИнформация>'
GOODS = (
    '<Каталог СодержитТолькоИзменения="true"><Товары><Товар Статус="Удален"><Ид>1#2</Ид><Артикул>A</Артикул>'
    "<Наименование>Мяч &amp; сетка</Наименование><Описание><![CDATA[<b>мяч</b>]]></Описание>"
    '<БазоваяЕдиница Код="796">шт</БазоваяЕдиница><Группы><Ид>g</Ид></Группы><Картинка>a.jpg</Картинка>'
    "<ЗначенияСвойств><ЗначенияСвойства><Ид>p</Ид><Значение>v</Значение></ЗначенияСвойства></ЗначенияСвойств>"
    "<СтавкиНалогов><СтавкаНалога><Ставка>20%</Ставка></СтавкаНалога></СтавкиНалогов><Вес>1,5</Вес>"
    "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Вес</Наименование><Значение>1</Значение>"
    "</ЗначениеРеквизита></ЗначенияРеквизитов></Товар></Товары></Каталог>"
)
DICTIONARIES = (
    "<Классификатор><Группы><Группа><Ид>g</Ид><Наименование>Спорт</Наименование><Группы><Группа><Ид>h</Ид>"
    "<Наименование>Мячи</Наименование></Группа></Группы></Группа></Группы><Свойства><Свойство><Ид>p</Ид>"
    "<ТипЗначений>Справочник</ТипЗначений><ВариантыЗначений><Справочник><ИдЗначения>v</ИдЗначения>"
    "<Значение>синий</Значение></Справочник></ВариантыЗначений></Свойство></Свойства><ЕдиницыИзмерения>"
    "<ЕдиницаИзмерения><Код>796 </Код></ЕдиницаИзмерения></ЕдиницыИзмерения></Классификатор>"
)
OFFERS = (
    "<ПакетПредложений><ТипыЦен><ТипЦены><Ид>r</Ид><Валюта>RUB</Валюта></ТипЦены></ТипыЦен>"
    "<Склады><Склад><Ид>m</Ид></Склад></Склады><Предложения><Предложение><Ид>1#2</Ид>"
    "<Наименование>Мяч, синий</Наименование><ХарактеристикиТовара><ХарактеристикаТовара>"
    "<Наименование>Цвет</Наименование><Значение>синий</Значение></ХарактеристикаТовара></ХарактеристикиТовара>"
    "<Цены><Цена><ИдТипаЦены>r</ИдТипаЦены><ЦенаЗаЕдиницу>1 005,50</ЦенаЗаЕдиницу></Цена></Цены>"
    '<Количество>7</Количество><Склад ИдСклада="m" КоличествоНаСкладе="3"/>'
    "<Остатки><Остаток><Склад><Ид>m</Ид><Количество>8</Количество></Склад></Остаток></Остатки>"
    "</Предложение></Предложения></ПакетПредложений>"
)
CONTRAGENTS = (
    "<Контрагенты><Контрагент><Ид>1</Ид><Роль>Покупатель</Роль><ИНН>500100732259</ИНН>"
    "<Наименование>ИП Петров</Наименование><АдресРегистрации><АдресноеПоле><Тип>Город</Тип>"
    "<Значение>Москва</Значение></АдресноеПоле></АдресРегистрации><Контакты><Контакт><Тип>Почта</Тип>"
    "<Значение>a@example.org</Значение></Контакт></Контакты><Представители><Представитель><Контрагент>"
    "<Ид>2</Ид><Наименование>Иванов</Наименование></Контрагент></Представитель></Представители>"
    "</Контрагент></Контрагенты>"
)
CONTENTS = (GOODS, DICTIONARIES, OFFERS, CONTRAGENTS)
DOCUMENTS = [ROOT.format(content) for content in CONTENTS]
TOKENS = re.compile(r"<[^>]*>|[^<]+")
ODD = [
    *(token.encode() for token in re.findall(r"<[^>]*>", "".join(DOCUMENTS))),
    *(b"<", b">", b"&", b"/", b'"', b"]]>", b"<!--", b"-->", b"<![CDATA[", b"<?x?>", b"&#0;", b"&#xFFFF;", b"&a;"),
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\r\n", b"\t"),
    *(b"<!DOCTYPE a [<!ENTITY e 'x'>]>", b"encoding='utf-16'", b"encoding='cp1251'", b"xmlns='u:%'", b"xml:space='x'"),
    *(b"9" * 400, b"-0", b"NaN", b"1e999", b"Infinity", "٣".encode(), "\u00a0".encode(), b"#", b"a" * 3000),
]
"""What is put in: tags in the wrong place, XML's own marks, encodings, numbers that are none."""


def mutated(data: bytes, chance: random.Random, odd: list[bytes]) -> bytes:
    """The data with one to five wounds."""
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((0, 1, 1, 2, 8, 64)))
        kind = chance.randrange(6)
        if kind == 0:
            data = data[:start] + chance.randbytes(end - start) + data[end:]
        elif kind == 1:
            data = data[:start] + data[end:]
        elif kind == 2:
            data = data[:end] + data[start:end] * chance.choice((1, 2, 40)) + data[end:]
        elif kind == 3:
            data = data[:start] + chance.choice(odd) + data[start:]
        elif kind == 4:
            data = data[:start] + chance.choice(odd) + data[end:]
        elif chance.random() < 0.3:
            data = data[:start]
    return data


def damaged_documents(seed: int) -> Iterator[bytes]:
    """Documents with bytes, tags and texts out of place; every other one keeps its bytes whole."""
    chance = random.Random(seed)  # noqa: S311
    encodings = ("utf-8", "utf-8", "utf-8", "cp1251", "utf-16")
    tokens = [TOKENS.findall(document) for document in DOCUMENTS]
    while True:
        number = chance.randrange(len(DOCUMENTS))
        if chance.random() < 0.5:
            yield mutated(DOCUMENTS[number].encode(chance.choice(encodings)), chance, ODD)
        else:
            yield reworded(tokens[number], chance, tags=0.2)


def damaged_exports(seed: int) -> Iterator[bytes]:
    """One document that states something for each import, with texts, and now and then a tag, out of place."""
    chance = random.Random(seed)  # noqa: S311
    whole = TOKENS.findall(ROOT.format("".join(CONTENTS)))
    while True:
        yield reworded(whole, chance, tags=0.02)


def reworded(words: list[str], chance: random.Random, *, tags: float) -> bytes:
    """The document with one to six of its texts, or, with this probability, tags, replaced."""
    words = list(words)
    texts = [place for place, word in enumerate(words) if not word.startswith("<")]
    for _ in range(chance.choice((1, 2, 4, 6))):
        if chance.random() < tags:
            words[chance.randrange(2, len(words) - 1)] = chance.choice((chance.choice(words), ""))
        else:
            words[chance.choice(texts)] = chance.choice(TEXTS)
    return "".join(words).encode()


TEXTS = [
    *(
        "",
        " ",
        "0",
        "-1",
        "1,5",
        "1 000,5",
        "1e400",
        "9" * 500,
        "NaN",
        "true",
        "x" * 5000,
        "\u00a0",
        "\u202e",
        "😀",
        "İ",
    ),
    *(
        "#",
        "1#",
        "#2",
        "1#2#3",
        "00000000-0000-0000-0000-000000000000",
        "%s",
        "%(a)s",
        "\\N",
        "\\.",
        "'; --",
        "{}",
        "[]",
    ),
    *(
        "../../x.jpg",
        "/etc/passwd",
        "a" * 300 + ".jpg",
        "&lt;b&gt;",
        "&#9;",
        "&#10;",
        "٣",
        "²",
        "1" * 13,
        "RUB",
        "\ufffe",
    ),
]


def drawn(kind: str, seed: int) -> bytes:
    file = io.BytesIO()
    noise = random.Random(seed).randbytes(9 * 7 * 3)  # noqa: S311
    image = Image.frombytes("RGB", (9, 7), noise)
    image.save(file, kind, **({"save_all": True, "append_images": [image]} if kind == "GIF" else {}))
    return file.getvalue()


def damaged_images(seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311
    corpus = [drawn(kind, seed) for kind in ("JPEG", "PNG", "WEBP", "GIF")]
    odd = [
        *(data[:24] for data in corpus),
        b"\xff\xd9",
        b"\xff\xda",
        b"\xff\xe1\xff\xff",
        b"IEND",
        b"\xff" * 4,
        b"\0" * 4,
    ]
    odd += [
        b"\x7f\xff\xff\xff",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"acTL",
        b"iCCP",
        b"zTXt",
        b"ANIM",
        b"VP8X",
        b"\x21\xff\x0b",
    ]
    while True:
        yield mutated(chance.choice(corpus), chance, odd)


def reading(directory: Path) -> Callable[[int, bytes], int]:
    path = directory / "file.xml"

    def read(number: int, data: bytes) -> int:
        path.write_bytes(data)
        read_content(ExportFile(path, path.name, len(data), 0, 0, 0))
        return sum(1 for _ in read_file(path, path.name, READERS[number % len(READERS)]))

    return read


def inspecting(number: int, data: bytes) -> int:
    return inspect(data, full=number % 4 == 0).width


def main(what: str, inputs: int, seed: int) -> None:
    facts = refusals = 0
    with tempfile.TemporaryDirectory() as directory:
        damaged = {"readers": damaged_documents, "images": damaged_images}[what](seed)
        attempt = inspecting if what == "images" else reading(Path(directory))
        for number in range(inputs):
            data = next(damaged)
            try:
                attempt(number, data)
                facts += 1
            except (ExportError, ImageRejected):
                refusals += 1
            except BaseException:
                sys.stderr.write(f"{what}, seed {seed}, input {number}: {data!r}\n")
                raise
    sys.stdout.write(f"{inputs} {facts} {refusals}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
