"""What has no column of its own: elements as trees of values, as the `extra` of a table keeps them.

A text; or, of an element that has attributes or elements in it, a mapping in which a name that repeats has a list.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from lxml import etree

from onec_pipelines.commerceml.values import ValueRejected, means_empty
from onec_pipelines.commerceml.xml import Element, children, text

Tree = dict[str, object]

FEW_ATTRIBUTES = 100
_ATTRIBUTES = etree.XPath("@*")
MAX_EXTRA_BYTES = 256 * 1024
"""As JSON, for one good or offer: it is read whenever its row is."""


def value_of(element: Element) -> object:
    """The value of an element, None where it has none; what stands for no value has none."""
    content = text(element)
    if not len(element) and not element.attrib:
        return None if means_empty(content) else content
    tree = attributes_of(element)
    for tag, child in children(element):
        add_value(tree, tag, value_of(child))
    if not tree:
        return content
    add_value(tree, "text", content)
    return tree


def attributes_of(element: Element) -> Tree:
    """The attributes that 1C has given a value."""
    stated = ((str(name), str(value).strip()) for name, value in _attributes(element))
    return {name: value for name, value in stated if value and "{" not in name and not means_empty(value)}


def _attributes(element: Element) -> Iterable[tuple[str, str]]:
    """Names and values. Of a hundred thousand libxml2 would look for each one among all."""
    if len(element.attrib) <= FEW_ATTRIBUTES:
        return cast("list[tuple[str, str]]", element.attrib.items())
    return ((value.attrname, value) for value in cast("list[Any]", _ATTRIBUTES(element)))


def add_value(tree: Tree, name: str, value: object) -> None:
    """Add a value, if there is one."""
    known = tree.get(name)
    if not value:
        return
    if known is None:
        tree[name] = value
    elif isinstance(known, list):
        known.append(value)  # in place: a name may be repeated a million times
    else:
        tree[name] = [known, value]


def check_extra(extra: Mapping[str, object]) -> None:
    """Raise ValueRejected for more than a row should carry."""
    if extra and len(json.dumps(extra, ensure_ascii=False).encode()) > MAX_EXTRA_BYTES:
        raise ValueRejected(f"сведения, для которых нет колонки (extra), длиннее {MAX_EXTRA_BYTES // 1024} кБ")
