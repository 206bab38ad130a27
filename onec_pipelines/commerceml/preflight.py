"""The preflight: may an import start? One function decides for the sensor, the schedule, the assets and `onec check`.

It looks at the directory and at whether the catalogue holds products; it writes nothing. Its words are for the
people who run 1C, and are part of the contract.
"""

import logging

from onec_pipelines.commerceml.export import Layout
from onec_pipelines.commerceml.manifest import CHANGES, PORTION
from onec_pipelines.commerceml.snapshot import ExportSnapshot
from onec_pipelines.commerceml.tree import images_of
from onec_pipelines.datasets import ALL, BY_NAME, imported_by
from onec_pipelines.errors import ExportError
from onec_pipelines.tolerated import passed_over

log = logging.getLogger(__name__)

CHECK_RIGHTS = "Проверьте права доступа пользователя, от имени которого работает импорт."
EXPORTED = "Убедитесь, что данные выгружены из 1С."
EXPORTED_IN_ORDER = "Убедитесь, что данные выгружены из 1С в правильной структуре."
EXPORTED_WITH_IMAGES = "Убедитесь, что данные выгружены из 1С с изображениями товаров."


def preflight(export: ExportSnapshot, import_type: str, *, has_products: bool) -> list[str]:
    """Every reason why an import may not start, as Russian sentences; an empty list when it may.

    Args:
        export: what is to be imported.
        import_type: of a dataset, or `all`, which asks for what `catalog` does.
        has_products: whether the database holds a product.
    """
    asked = "catalog" if import_type == ALL else import_type
    try:
        problems = export_problems(export, asked)
        if not export.files and export.archives:
            names = ", ".join(export.archives[:5])
            problems.append(f"В {export.root} лежит архив ({names}): распакуйте его или выключите сжатие в обмене.")
    except ExportError as error:
        return [str(error)]
    if not has_products and BY_NAME[asked].without_catalog:
        problems.append(BY_NAME[asked].without_catalog)
    return problems


def export_problems(export: ExportSnapshot, import_type: str) -> list[str]:
    """What of an export is missing for one import type."""
    if import_type == "images":
        return _image_problems(export)
    is_part = export.package_kind in {CHANGES, PORTION}  # it needs only what it holds
    if (is_part or export.layout is Layout.FILES) and export.files:
        return _file_problems(export, import_type)
    return _directory_problems(export, import_type)


def broken_files(export: ExportSnapshot, import_type: str, *, thoroughly: bool = False) -> list[str]:
    """Why files would stop an import, each in a sentence of its own; an export that cannot be listed has none.

    They are read for it: `thoroughly`, as the import would, for `onec check`; else what does not end as it should, for
    the preflight where it would say that nothing is there.
    """
    try:
        names = [dataset.name for dataset in imported_by(import_type) if dataset.lists]
        return export.broken(names, thoroughly=thoroughly)
    except ExportError as error:
        passed_over(log, "the preflight says what is wrong with the export", error)
        return []


def _directory_problems(export: ExportSnapshot, import_type: str) -> list[str]:
    dataset = BY_NAME[import_type]
    required = dataset.required_directories
    missing = [name for name in required if not export.has_directory(name)]
    empty = [name for name in required if name not in missing and not export.directory_has_files(name)]
    if import_type != "catalog":
        path = export.root / required[0]
        if missing:
            return [f"Директория {dataset.noun} не найдена: {path}. {EXPORTED}"]
        return [f"Директория {dataset.noun} не содержит XML-файлов: {path}. {EXPORTED}"] if empty else []
    problems = []
    if missing:
        problems.append(
            f"Отсутствуют обязательные поддиректории в {export.root}: {', '.join(missing)}. {EXPORTED_IN_ORDER}"
        )
    if empty:
        problems.append(
            f"Обязательные поддиректории в {export.root} не содержат XML-файлов: {', '.join(empty)}. "
            f"{EXPORTED_IN_ORDER}"
        )
    return problems


def _file_problems(export: ExportSnapshot, import_type: str) -> list[str]:
    """Outside the 3.1 layout the content of the files counts, not where they lie."""
    dataset = BY_NAME[import_type]
    if export.states_any(dataset.required_lists or dataset.lists):
        return []
    if broken := broken_files(export, import_type):
        return broken
    if import_type == "catalog":
        names = ", ".join(file.name for file in export.files[:5])
        return [f"В файлах {export.root} ({names}) нет ни товаров, ни предложений. {EXPORTED_IN_ORDER}"]
    return [f"В файлах {export.root} нет данных {dataset.noun}. {EXPORTED}"]


def _image_problems(export: ExportSnapshot) -> list[str]:
    path = export.images_directory
    if any(images_of(export.root)):
        return []
    try:
        next(path.iterdir(), None)
    except (FileNotFoundError, NotADirectoryError):
        return [f"Директория изображений не найдена: {path}. {EXPORTED_WITH_IMAGES}"]
    except OSError as error:
        return [f"Директорию изображений не удалось прочитать: {path}: {error.strerror}. {CHECK_RIGHTS}"]
    return [f"Директория изображений пуста: {path}. {EXPORTED_WITH_IMAGES}"]
