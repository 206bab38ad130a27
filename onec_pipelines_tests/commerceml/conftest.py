"""Documents in view above the assertion: a test states the XML, these write it and read it back."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from onec_pipelines.commerceml.facts import Reader, read_file
from onec_pipelines.commerceml.records import Fact

Write = Callable[..., Path]
Read = Callable[[Mapping[str, Reader], str], list[Fact]]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file under its name, which may hold a directory."""

    def write(name: str, content: str | bytes = "<КоммерческаяИнформация/>") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def read(write: Write) -> Read:
    """Read the facts of what stands inside of a document."""

    def read(readers: Mapping[str, Reader], inside: str) -> list[Fact]:
        path = write("file.xml", f"<КоммерческаяИнформация>{inside}</КоммерческаяИнформация>")
        return list(read_file(path, "file.xml", readers))

    return read
