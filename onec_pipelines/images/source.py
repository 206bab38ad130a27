"""Reading one image file of the export, once: never through a link, never from a device.

What is read is the whole file at one moment: its size and time are taken before the bytes and compared after
them, so that the time on record never belongs to other bytes than the checksum does. Also the one error of
this room, `ImageRejected`, which everything that looks at a file may raise.
"""

import errno
import logging
import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

MAX_BYTES = 256 * 1024**2
"""A file is held in memory while it is checked; no photograph within Pillow's pixel limit comes near this."""

LATEST = 2**63 - 1

UNMISLED = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened: not through a link, and without waiting for the other end of a FIFO."""

UNREADABLE = {
    errno.EACCES: "нет прав на чтение файла",
    errno.EPERM: "нет прав на чтение файла",
    errno.ELOOP: "это ссылка, а не файл",
    errno.ENXIO: "это не файл, а канал, сокет или устройство",
    errno.ENODEV: "это не файл, а канал, сокет или устройство",
    errno.EISDIR: "это каталог, а не файл",
    errno.ENAMETOOLONG: "имя файла длиннее 255 байт",
    errno.EIO: "файл не читается: ошибка диска",
    errno.ESTALE: "файл не читается: сетевой диск отвечает ошибкой",
}
"""What is wrong with this one file; any other error of the system (no memory, no descriptors) is not the file's."""


class ImageRejected(Exception):  # noqa: N818  a verdict about a file, not a defect
    """One image cannot be published; `reason` is a short Russian sentence without the path."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ImageMissing(ImageRejected):
    """There is no such file."""


@dataclass(frozen=True, slots=True)
class FileStat:
    """Size in bytes and time of the last change in nanoseconds since 1970, as the disk says without a read."""

    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class ImageBytes:
    """A file as it was at one moment."""

    data: bytes
    stat: FileStat


def file_stat(status: os.stat_result) -> FileStat:
    """Return what is recorded of a file."""
    return FileStat(status.st_size, recorded_time(status))


def recorded_time(status: os.stat_result) -> int:
    """Return the time of a file's last change; one behind the year 2262 does not fit 64 bits and is cut."""
    return min(status.st_mtime_ns, LATEST)


def kind_of(mode: int) -> str:
    """The Russian words for what is not a regular file, by its `st_mode`."""
    if stat.S_ISDIR(mode):
        return "это каталог, а не файл"
    return "это не файл, а канал, сокет или устройство"


def read_image(path: Path) -> ImageBytes:
    """Read a regular file whole.

    The last component is not followed when it is a link, and a FIFO does not block.

    Raises:
        ImageMissing: nothing is there.
        ImageRejected: it is something else than a file, cannot be read, is too big or is being written.
    """
    try:
        descriptor = os.open(path, UNMISLED)
        try:
            return _read(descriptor)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageMissing("файла нет") from error
    except ValueError as error:  # a NUL, or a lone surrogate, in the path
        raise ImageRejected("недопустимое имя файла") from error
    except OSError as error:
        if error.errno not in UNREADABLE:
            raise
        raise ImageRejected(UNREADABLE[error.errno]) from error


def read_ahead(path: Path) -> None:
    """Let Linux fetch a file from the disk that is going to be read soon; whatever is wrong with it is told then."""
    if sys.platform != "linux":
        return
    with tolerated(log, "an image file is closed without a check", OSError, ValueError):
        descriptor = os.open(path, UNMISLED)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_WILLNEED)
        finally:
            os.close(descriptor)


def _read(descriptor: int) -> ImageBytes:
    before = os.fstat(descriptor)
    if not stat.S_ISREG(before.st_mode):
        raise ImageRejected(kind_of(before.st_mode))
    if before.st_size > MAX_BYTES:
        raise ImageRejected(f"файл больше {MAX_BYTES // 1024**2} МБ")
    data = _whole(descriptor, before.st_size)
    if len(data) != before.st_size or file_stat(os.fstat(descriptor)) != file_stat(before):
        raise ImageRejected("файл ещё записывается: он изменился во время чтения")
    return ImageBytes(data, file_stat(before))


def _whole(descriptor: int, size: int) -> bytes:
    """Read `size` bytes and one more, which shows that the file grows; nearly always in one call."""
    data = os.read(descriptor, size + 1)
    while 0 < len(data) < size and (more := os.read(descriptor, size + 1 - len(data))):
        data += more
    return data
