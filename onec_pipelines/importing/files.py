"""The files that an import reads: which of an export they are, one digest of them, and that 1C has finished them.

Not here: how files lie and what their tags tell (commerceml/export.py), what was recorded of them (ledger.py).
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from onec_pipelines.commerceml.encoding import HEAD_BYTES, encoding_of
from onec_pipelines.commerceml.export import (
    Export,
    ExportFile,
    FileContent,
    Layout,
    fingerprint,
    hash_file,
    holds_dataset,
    list_export,
    read_content,
)
from onec_pipelines.commerceml.xml import ROOT, read_elements
from onec_pipelines.database.migrate import migrations
from onec_pipelines.datasets import BY_NAME
from onec_pipelines.errors import ExportError

Contents = Mapping[ExportFile, FileContent]
TAIL_BYTES = 1024
HASHING_THREADS = 2


def read_contents(export: Export, known: Mapping[str, Mapping[str, int]]) -> Contents:
    """What each file of an export holds, in the order in which they count.

    `known` has the tags of files by their sha256: those need only be hashed, which leaves the interpreter to others.
    A file in which no tag was known is looked at anew: an earlier version may not have known its encoding.

    Raises:
        ExportError: a file cannot be read.
    """
    with ThreadPoolExecutor(HASHING_THREADS) as pool:
        return dict(zip(export.files, pool.map(lambda file: _content(file, known), export.files), strict=True))


def _content(file: ExportFile, known: Mapping[str, Mapping[str, int]]) -> FileContent:
    if not known:
        return read_content(file)
    sha256 = hash_file(file)
    return FileContent(sha256, known[sha256]) if known.get(sha256) else read_content(file)


def find_files(export: Export, dataset: str, contents: Contents) -> Contents:
    """The files that hold something of a dataset.

    A file that seems to hold nothing may have been cut off before it could: it must at least be whole.

    Raises:
        ExportError: a file is no whole CommerceML.
    """
    found = {}
    for file, content in contents.items():
        if holds_dataset(file, content, dataset):
            found[file] = content
        elif _concerns(export, file, dataset):
            refuse_unless_whole(file)
    return found


def _concerns(export: Export, file: ExportFile, dataset: str) -> bool:
    """Whether a file could hold a dataset, going by its directory."""
    directory = file.name.rpartition("/")[0]
    if export.layout is Layout.FILES or not directory:
        return True
    return directory in BY_NAME[dataset].directories


def refuse_unless_whole(file: ExportFile) -> None:
    """Raise ExportError where a file is no whole CommerceML.

    Its end is looked at first: that spares parsing what the import of another dataset will parse.
    """
    if not _is_closed(file):
        for _ in read_elements(file.path, file.name, ()):
            pass


def _is_closed(file: ExportFile) -> bool:
    """Whether the root element is closed, in the encoding of the file.

    In another one no tag was known, and the file would pass for one that holds nothing: the parser must say so.
    """
    try:
        with file.path.open("rb") as stream:
            encoding = encoding_of(stream.read(HEAD_BYTES))
            stream.seek(max(0, file.size - TAIL_BYTES))
            tail = stream.read().rstrip()
    except OSError:
        return False
    return tail.endswith(f"{ROOT}>".encode("cp1251" if encoding == "cp1251" else "utf-8"))


def digest_of(contents: Contents) -> str:
    """A short digest of the files and of all that decides what an import makes of them."""
    schema = max(migration.version for migration in migrations())
    files = (f"{file.name} {content.sha256}" for file, content in contents.items())
    return fingerprint([f"{version('onec-pipelines')} {schema}", *files])


def refuse_changed_files(export: Export, dataset: str, contents: Contents) -> None:
    """Raise ExportError where files of a dataset came, went or changed since the export was listed.

    1C was still writing then, and what has been read is a part of what it has to say.
    """
    there = list_export(export.root).files
    names = [file.name for file in contents if file not in there]
    names += [
        file.name for file in there if file not in export.files and holds_dataset(file, read_content(file), dataset)
    ]
    if names:
        raise ExportError(
            f"Во время импорта изменились файлы: {', '.join(sorted({*names})[:5])}. 1С ещё выгружает данные. "
            "Импорт не выполнен, данные не изменены. Повторите импорт после окончания выгрузки."
        )
