"""Real images for the tests of this room, and an export directory to put them into."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from onec_pipelines.images.store import LocalStore

Draw = Callable[..., bytes]


def drawn(kind: str = "JPEG", size: tuple[int, int] = (40, 30), *, seed: int = 0, **options: object) -> bytes:
    noise = random.Random(seed).randbytes(size[0] * size[1] * 3)  # noqa: S311
    file = io.BytesIO()
    Image.frombytes("RGB", size, noise).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def draw() -> Draw:
    """Return the bytes of an image: `draw("PNG", (40, 30), seed=1)`."""
    return drawn


@pytest.fixture
def goods(tmp_path: Path) -> Path:
    """Return the directory above `import_files`, as in an export."""
    (tmp_path / "goods" / "import_files").mkdir(parents=True)
    return tmp_path / "goods"


@pytest.fixture
def ship(goods: Path) -> Callable[[str, bytes], Path]:
    """Put a file into the export: `ship("import_files/03/a.jpg", data)`."""

    def ship(path: str, data: bytes) -> Path:
        target = goods / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return target

    return ship


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "media")
