"""An export whose every name wants to be something else: markup, a link, an order to a terminal, a line of its own.

write_hostile(directory)     can be imported, and an import says something hostile wherever it says anything
write_refused(directory)     cannot, and what refuses it names its files
break_off(directory)         an export that could be imported cannot any more
acts(text)                   the characters of a text that a terminal obeys, or that the eye does not see
"""

import io
import os
import unicodedata
from html import escape
from pathlib import Path

from PIL import Image

MUTATION = 'mutation{wipeAssets(assetPartitionRanges:[{assetKey:{path:["customers"]}}]){__typename}}'
"""Dagster carries it out when a browser loads an image from this address."""
MARKDOWN = f"![x](&#47;graphql?query={MUTATION})"
FOREIGN = "![y](http:&#47;&#47;127.0.0.1:9&#47;pixel) www.example.com"
LINK = "[here](http:&#47;&#47;127.0.0.1:9)"
HTML = "<img src=http:&#47;&#47;127.0.0.1:9 onerror=alert(1)><script>alert(2)<&#47;script>"
TITLE = "\x1b]0;owned\x07"
OSC_8 = "\x1b]8;;http:owned\x1b\\click\x1b]8;;\x1b\\"
SCREEN = "\x1b[2J\x1b[38;5;199m"
C1 = "\x9b38;5;199m\x9d0;owned\x9c"
RICH = "[bold red]rich[&#47;][link=http:owned]link[&#47;link] :smile:"
LINES = "first\nsecond\r\x85third\u2028fourth"
UNSEEN = "\u202egpj.exe\u202c\u2066\u2069\u200b\U000e0041"
CP1251 = os.fsdecode("Цены".encode("cp1251"))
"""The name of a file as FTP may leave it."""

IN_XML = [MARKDOWN, FOREIGN, LINK, HTML, C1, RICH, LINES, UNSEEN]
"""What may stand in XML, with a slash for each `&#47;`."""
OF_FILES = [MARKDOWN, FOREIGN, LINK, HTML, C1, RICH, LINES, UNSEEN, TITLE, OSC_8, SCREEN, CP1251]
"""What may be the name of a file: anything but a slash and NUL."""
OF_BROKEN = f"0{MARKDOWN}{TITLE}{C1}{CP1251}"
"""It comes first in its directory, and is told of."""

OFFERS = ("ПакетПредложений", "Предложения")


def acts(text: str) -> str:
    """The characters that act and are not seen."""
    return "".join(sorted({one for one in text if unicodedata.category(one) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}))


def write_hostile(root: Path) -> None:
    """Goods without a price, some without a category or an image; stocks below zero, orphans, rejected records.

    Each kind of list stands in as many files as there are hostile names; as many more hold nothing.
    """
    entry = "<{0}><Ид>{1}</Ид><Наименование>{1}</Наименование></{0}>"
    for directory, tag, inside in (
        ("groups", "Группа", "Группы"),
        ("priceLists", "ТипЦены", "ТипыЦен"),
        ("storages", "Склад", "Склады"),
    ):
        write(
            root, directory, "a", package("Классификатор", inside, "".join(entry.format(tag, text) for text in texts()))
        )
    for number, name in enumerate(OF_FILES):
        text = texts()[number % len(IN_XML)]
        known, orphan, rejected = (f"{kind}{number}{text}" for kind in ("good", "orphan", "rejected"))
        write(root, "goods", name, package("Каталог", "Товары", goods(known, rejected, text)))
        write(root, "offers", name, package(*OFFERS, orphan_offer(f"{orphan}#x", text)))
        write(
            root,
            "prices",
            name,
            package(*OFFERS, price(known, text, "0") + price(orphan, text, "1") + price(rejected, text, text)),
        )
        write(
            root,
            "rests",
            name,
            package(*OFFERS, stock(known, text, "-1") + stock(orphan, text, "1") + stock(rejected, text, text)),
        )
        write(root, "contragents", name, document(f"<Контрагенты>{contragents(known, text)}</Контрагенты>"))
        for directory, tag in (("offers", "Предложение"), ("prices", "Цена"), ("rests", "Остаток")):
            write(root, directory, f"empty{name}", package(*OFFERS, f"<{tag}/>"))
    file = io.BytesIO()
    Image.new("RGB", (60, 40), "red").save(file, "PNG")
    (root / "goods/import_files").mkdir()
    (root / "goods/import_files/good.png").write_bytes(file.getvalue())


def write_refused(root: Path) -> None:
    """Files in which there is nothing; only the first five are named."""
    for name in (MARKDOWN, OSC_8, LINES, UNSEEN, CP1251):
        write(root, "", name, "<КоммерческаяИнформация/>")


def break_off(root: Path) -> None:
    """Let customers and goods end in the middle."""
    write(root, "goods", OF_BROKEN, "<КоммерческаяИнформация><Каталог><Товары><Товар>")
    write(root, "contragents", OF_BROKEN, "<КоммерческаяИнформация><Контрагенты><Контрагент>")


def write(root: Path, directory: str, name: str, text: str) -> None:
    path = root / directory / f"{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="")


def document(content: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><КоммерческаяИнформация>{content}</КоммерческаяИнформация>'


def package(container: str, inside: str, content: str) -> str:
    return document(f'<{container} СодержитТолькоИзменения="false"><{inside}>{content}</{inside}></{container}>')


def texts() -> list[str]:
    """The hostile values as they are written into XML."""
    return [escape(text.replace("&#47;", "/")).replace("\r", "&#13;").replace("\n", "&#10;") for text in IN_XML]


def goods(known: str, rejected: str, text: str) -> str:
    """One with an image and an unknown element, one whose category and image are not there, and one without a name."""
    named = f"<Артикул>{text}</Артикул><Наименование>{text}</Наименование>"
    return (
        f"<Товар><Ид>{known}</Ид>{named}<Картинка>import_files/good.png</Картинка><Груп\u200dпа>1</Груп\u200dпа></Товар>"
        f"<Товар><Ид>without {known}</Ид>{named}<Группы><Ид>absent {text}</Ид></Группы>"
        f"<Картинка>import_files/{text}.jpg</Картинка></Товар>"
        f"<Товар><Ид>{rejected}</Ид><Артикул>{text}</Артикул></Товар>"
    )


def orphan_offer(onec_id: str, text: str) -> str:
    return f"<Предложение><Ид>{onec_id}</Ид><Артикул>{text}</Артикул><Наименование>{text}</Наименование></Предложение>"


def price(onec_id: str, kind: str, value: str) -> str:
    return (
        f"<Предложение><Ид>{onec_id}</Ид><Цены><Цена><ИдТипаЦены>{kind}</ИдТипаЦены>"
        f"<ЦенаЗаЕдиницу>{value}</ЦенаЗаЕдиницу></Цена></Цены></Предложение>"
    )


def stock(onec_id: str, warehouse: str, value: str) -> str:
    return (
        f"<Предложение><Ид>{onec_id}</Ид><Остатки><Остаток><Склад><Ид>{warehouse}</Ид>"
        f"<Количество>{value}</Количество></Склад></Остаток></Остатки></Предложение>"
    )


def contragents(onec_id: str, text: str) -> str:
    """A customer, and one without an id."""
    named = f"<Роль>Покупатель</Роль><Наименование>{text}</Наименование>"
    return f"<Контрагент><Ид>{onec_id}</Ид>{named}</Контрагент><Контрагент>{named}</Контрагент>"
