"""The media store: where published images are, for everybody to read. A directory, or an fsspec URL.

    store = open_store("/srv/media")             or "s3://bucket/prefix", "memory://media", ...
    store.put("03/038b...jpg", data)             there whole or not at all
    store.listing()                              one walk: path -> size, to see what is gone

A directory: each file is written beside its final name and renamed, so that neither a killed run nor a full
disk leaves half a file where a reader looks. What a killed run leaves has a name that `sweep` knows. `flush`
puts on the disk itself all that was written so far; call it before recording files as published, and a power
cut loses nothing that is on record. One such barrier costs less than an fsync for each file.

Elsewhere a whole object is written at once; credentials and endpoints come from the environment, as the
file system in question reads them.

What an image is, and whether it must be written, is not decided here.
"""

import contextlib
import ctypes
import errno
import importlib
import logging
import os
import re
import uuid
from collections.abc import Collection, Iterator
from glob import has_magic
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import fsspec

from onec_pipelines.errors import OnecError
from onec_pipelines.images.paths import path_rejection
from onec_pipelines.images.scan import FileIndex, index_listing, index_tree
from onec_pipelines.images.source import FileStat, ImageMissing, ImageRejected, read_image
from onec_pipelines.tolerated import tolerated

log = logging.getLogger(__name__)

TEMPORARY = re.compile(r"\.onec-[0-9a-f]{32}\.part")
"""The name of a file that is being written."""

PUBLIC_FILE = 0o644

UNNAMEABLE = {errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.EILSEQ, errno.EINVAL}
"""Errors about the one name that is written; others concern the whole store."""

ADVICE = {
    errno.ENOSPC: "the disk is full: free space there",
    errno.EDQUOT: "the disk quota is used up: raise it or free space",
    errno.EROFS: "the file system is read-only: remount it, or name another place in ONEC_MEDIA_URL",
    errno.EACCES: "permission denied: let the user who runs the import write there",
    errno.EPERM: "operation not permitted: let the user who runs the import write there",
    errno.EEXIST: "something that is no directory is in the way: name a directory in ONEC_MEDIA_URL",
    errno.ENOTDIR: "something that is no directory is in the way: name a directory in ONEC_MEDIA_URL",
    errno.ENOENT: "it is not there and cannot be made: name another place in ONEC_MEDIA_URL",
    errno.EFBIG: "a file is larger than allowed there: raise the limit",
}

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "memory"}
"""Where directories need not be made."""

CONTENT_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "WebP": "image/webp", "GIF": "image/gif"}


class MediaStoreError(OnecError):
    """The media store cannot be opened, read or written; nothing more can be published in this run."""


class MediaStore(Protocol):
    """What both kinds of store do. Paths are relative to the store, with `/`. Safe to use from several threads."""

    url: str
    writers: int
    """How many threads it takes to keep the store busy."""

    def put(self, media_path: str, data: bytes, image_format: str = "") -> None:
        """Write a file whole, in place of what is there; `image_format` is the one of `ImageFacts`.

        Raises:
            ImageRejected: no file of this name can be in the store.
            MediaStoreError: the store cannot be written: full, read-only, out of reach.
        """

    def read(self, media_path: str) -> bytes:
        """Return what a file holds.

        Raises:
            ImageMissing: it is not there.
            ImageRejected: it cannot be read, or no file of this name can be in the store.
            MediaStoreError: the store is out of reach.
        """

    def delete(self, media_paths: Collection[str]) -> None:
        """Remove files; one that is not there is no error."""

    def listing(self) -> FileIndex:
        """List all files in one walk. Times are those of the store and mean nothing to `plan`."""

    def sweep(self) -> int:
        """Remove what killed runs left half-written, and return how many; not while another run publishes."""

    def flush(self) -> None:
        """Return when all that was put survives a power cut."""


def open_store(media_url: str) -> MediaStore:
    """Open the store of `ONEC_MEDIA_URL`; a local directory is made when it is not there.

    Raises:
        MediaStoreError: the URL is of no known kind, its package is not installed, or the place cannot be used.
    """
    scheme, separator, rest = media_url.partition("://")
    if not separator:
        return LocalStore(Path(media_url))
    if scheme in {"file", "local"}:
        return LocalStore(Path(rest))
    return RemoteStore(media_url)


class UnwrittenStore:
    """Another store that can be looked at and is not written: for who only wants to know what would be."""

    def __init__(self, store: MediaStore) -> None:
        self.url, self.writers = store.url, store.writers
        self.read, self.listing = store.read, store.listing

    def put(self, media_path: str, data: bytes, image_format: str = "") -> None:
        """Write nothing."""

    def delete(self, media_paths: Collection[str]) -> None:
        """Remove nothing."""

    def sweep(self) -> int:
        """Remove nothing."""
        return 0

    def flush(self) -> None:
        """There is nothing to wait for."""


class LocalStore:
    """A directory of this machine, or one that is mounted on it."""

    writers = 2

    def __init__(self, root: Path) -> None:
        self.url = str(root)
        self.root = root.expanduser().absolute()
        with self._complaining():
            self.root.mkdir(parents=True, exist_ok=True)

    def put(self, media_path: str, data: bytes, image_format: str = "") -> None:  # noqa: ARG002
        """See `MediaStore.put`."""
        final = self._place(media_path)
        with self._complaining(media_path):
            temporary = os.path.join(os.path.dirname(final), f".onec-{uuid.uuid4().hex}.part")  # noqa: PTH118, PTH120
            try:
                try:
                    _write_in_place(temporary, final, data)
                except FileNotFoundError:  # swept away: an import of images began while thumbnails are made
                    _write_in_place(temporary, final, data)
            except BaseException:
                with tolerated(log, "an unfinished file stays in the media store", OSError):
                    os.unlink(temporary)  # noqa: PTH108
                raise

    def read(self, media_path: str) -> bytes:
        """See `MediaStore.read`."""
        with self._complaining():
            return read_image(Path(self._place(media_path))).data

    def delete(self, media_paths: Collection[str]) -> None:
        """See `MediaStore.delete`."""
        for path in media_paths:
            with self._complaining():
                Path(self._place(path)).unlink(missing_ok=True)

    def listing(self) -> FileIndex:
        """See `MediaStore.listing`."""
        with self._complaining():
            return index_tree(self.root)

    def sweep(self) -> int:
        """See `MediaStore.sweep`."""
        with self._complaining():
            leftovers = [
                Path(directory, name)
                for directory, _, names in os.walk(self.root)
                for name in names
                if TEMPORARY.fullmatch(name)
            ]
            for leftover in leftovers:
                leftover.unlink(missing_ok=True)
        return len(leftovers)

    def flush(self) -> None:
        """See `MediaStore.flush`; an error of the disk that nobody was told of yet is told here."""
        with self._complaining():
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
            try:
                _sync_file_system(descriptor)
            finally:
                os.close(descriptor)

    def _place(self, media_path: str) -> str:
        if rejection := path_rejection(media_path):
            raise ImageRejected(rejection)
        return f"{self.root}/{media_path}"

    @contextlib.contextmanager
    def _complaining(self, media_path: str = "") -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if media_path and error.errno in UNNAMEABLE:
                raise ImageRejected("в хранилище под таким именем файла быть не может") from error
            advice = ADVICE.get(error.errno or 0, f"{error.strerror or error}: see to that")
            raise MediaStoreError(
                f"The media store {self.root} cannot be used, {advice}; then run the import again: "
                "what is published stays and is not read again."
            ) from error


class RemoteStore:
    """Whatever fsspec reaches by this URL; a write is mostly waiting for its answer."""

    writers = 16

    def __init__(self, media_url: str) -> None:
        self.url = shown_url(media_url)
        self._fs, self._root = _file_system(media_url, self.url)
        self._scheme = media_url.partition("://")[0]
        self._errors = _errors_of(self._scheme)

    def put(self, media_path: str, data: bytes, image_format: str = "") -> None:
        """See `MediaStore.put`."""
        key = self._key(media_path)
        with self._complaining():
            if self._scheme not in OBJECT_STORES:
                self._fs.makedirs(key.rpartition("/")[0], exist_ok=True)
            if self._scheme == "s3" and image_format:
                self._fs.pipe_file(key, data, ContentType=CONTENT_TYPES[image_format])
            else:
                self._fs.pipe_file(key, data)

    def read(self, media_path: str) -> bytes:
        """See `MediaStore.read`."""
        key = self._key(media_path)
        with self._complaining():
            try:
                data: bytes = self._fs.cat_file(key)
            except FileNotFoundError as error:
                raise ImageMissing("файла нет") from error
        return data

    def delete(self, media_paths: Collection[str]) -> None:
        """See `MediaStore.delete`: in as few requests as the store offers.

        One by one where a name looks like a pattern, which fsspec would follow, and where a file is not there.
        """
        keys = [self._key(path) for path in media_paths]
        together = [key for key in keys if not has_magic(key)]
        with self._complaining():
            with tolerated(log, "some of what is to be deleted is gone", FileNotFoundError):
                self._fs.rm(together)
                keys = [key for key in keys if has_magic(key)]
            for key in keys:
                with tolerated(log, "what is to be deleted is gone", FileNotFoundError):
                    self._fs.rm_file(key)

    def listing(self) -> FileIndex:
        """See `MediaStore.listing`; a call for each directory, and fsspec keeps none of it in memory."""
        with self._complaining():
            self._fs.invalidate_cache()
            try:
                return index_listing(self._files())
            finally:
                self._fs.invalidate_cache()

    def sweep(self) -> int:
        """See `MediaStore.sweep`: an object appears whole, nothing is left half-written."""
        return 0

    def flush(self) -> None:
        """See `MediaStore.flush`: the store answers a write when it has it."""

    def _files(self) -> Iterator[tuple[str, FileStat]]:
        ahead = [self._root]
        while ahead:
            directory = ahead.pop()
            try:
                entries = self._fs.ls(directory, detail=True)
            except FileNotFoundError:
                continue  # an empty store has no root
            for entry in entries:
                name = entry["name"].rstrip("/")
                if entry["type"] == "directory" and name != directory:
                    ahead.append(name)
                elif entry["type"] == "file":
                    yield name.removeprefix(self._root).lstrip("/"), FileStat(entry["size"] or 0, 0)

    def _key(self, media_path: str) -> str:
        if rejection := path_rejection(media_path):
            raise ImageRejected(rejection)
        return f"{self._root}/{media_path}"

    @contextlib.contextmanager
    def _complaining(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise MediaStoreError(
                f"The media store {self.url} is not there: {error}; create the bucket or correct ONEC_MEDIA_URL."
            ) from error
        except self._errors as error:
            raise MediaStoreError(
                f"The media store {self.url} cannot be used: {error}; check the address, the credentials in the "
                "environment and the network, then run the import again: what is published stays."
            ) from error


def _write_in_place(temporary: str, final: str, data: bytes) -> None:
    _write(temporary, data)
    os.replace(temporary, final)  # noqa: PTH105  hot


def _write(path: str, data: bytes) -> None:
    """Write a new file; its directory is made only when that fails, which it does once."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PUBLIC_FILE)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PUBLIC_FILE)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def _sync_file_system(descriptor: int) -> None:
    """Linux syncs the one file system and reports its errors; elsewhere all are synced."""
    try:
        syncfs = ctypes.CDLL(None, use_errno=True).syncfs
    except AttributeError:
        os.sync()
        return
    if syncfs(descriptor):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _file_system(media_url: str, shown: str) -> tuple[Any, str]:
    try:
        file_system, root = fsspec.core.url_to_fs(media_url)
    except ImportError as error:
        raise MediaStoreError(
            f"ONEC_MEDIA_URL is {shown}, and the package that reaches it is not installed ({error}); "
            "for s3:// run: pip install s3fs."
        ) from error
    except ValueError as error:
        raise MediaStoreError(
            f"ONEC_MEDIA_URL is {shown}, which is no address of a file system ({error}); "
            "name a directory or a URL such as s3://bucket/prefix."
        ) from error
    except OSError as error:  # some connect at once
        raise MediaStoreError(
            f"The media store {shown} cannot be used: {error}; check the address, the credentials and the network, "
            "then run the import again."
        ) from error
    return file_system, root.rstrip("/")


def _errors_of(scheme: str) -> tuple[type[BaseException], ...]:
    """What this file system raises when it cannot be used; botocore's errors are no OSErrors."""
    if scheme not in {"s3", "s3a"}:
        return (OSError,)
    botocore = importlib.import_module("botocore.exceptions")
    return (OSError, botocore.BotoCoreError, botocore.ClientError)


def shown_url(media_url: str) -> str:
    """Where a store is, without what a URL may carry of secrets."""
    if "://" not in media_url:
        return media_url
    parts = urlsplit(media_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
