"""Where a bundle lies: a folder of this machine (pathlib.Path) or one of any pyarrow filesystem (RemotePath).

A RemotePath has those words of pathlib.Path which reading a bundle needs, so that the readers know no difference. A
text is taken as remote when it has a scheme: ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``hdfs://host/prefix``.
The credentials are those which the store's own tools find (environment, profile, role); the endpoint of an S3 store
that is not Amazon's is the environment's AWS_ENDPOINT_URL, or stands in the text
(``?endpoint_override=host:9000&scheme=http``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tradewind_data.errors import PlaceUnreachable

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem


@dataclass(frozen=True)
class RemotePath:
    """A file or folder of a pyarrow filesystem.

    filesystem; path: inside it, parts separated by ``/``; shown: the address as it was told, for messages.
    PlaceUnreachable where the store refuses or does not answer; FileNotFoundError as pathlib has it.
    """

    filesystem: FileSystem
    path: str
    shown: str

    def __str__(self) -> str:
        return self.shown

    def __truediv__(self, name: str) -> RemotePath:
        return RemotePath(self.filesystem, f"{self.path.rstrip('/')}/{name}", f"{self.shown.rstrip('/')}/{name}")

    @property
    def parts(self) -> tuple[str, ...]:
        """The path's parts."""
        return tuple(part for part in self.path.split("/") if part)

    @property
    def name(self) -> str:
        """The last part."""
        return self.parts[-1] if self.parts else ""

    @property
    def stem(self) -> str:
        """The last part without its suffix."""
        return self.name.rsplit(".", 1)[0]

    @property
    def parent(self) -> RemotePath:
        """The folder it lies in."""
        shown = self.shown.rstrip("/").rsplit("/", 1)[0]
        return RemotePath(self.filesystem, self.path.rstrip("/").rsplit("/", 1)[0], shown)

    def is_file(self) -> bool:
        """Whether it is a file."""
        return bool(self._info().is_file)

    def is_dir(self) -> bool:
        """Whether it is a folder; in a store of objects: whether any object lies under it."""
        from pyarrow.fs import FileType

        return bool(self._info().type == FileType.Directory)

    def size(self) -> int:
        """Bytes of the file, −1 when there is none."""
        info = self._info()
        return int(info.size) if info.is_file else -1

    def iterdir(self) -> Iterator[RemotePath]:
        """What lies in the folder; nothing when there is none."""
        from pyarrow.fs import FileSelector

        with self._reached(), contextlib.suppress(FileNotFoundError):  # a folder may come or go while it is looked for
            found = self.filesystem.get_file_info(FileSelector(self.path, allow_not_found=True))
            return iter([self / info.base_name for info in found])
        return iter(())

    def open(self, mode: Literal["rb"] = "rb") -> Any:
        """A binary file of random access, to be closed (a pyarrow NativeFile)."""
        with self._reached():
            return self.filesystem.open_input_file(self.path)

    def read_bytes(self) -> bytes:
        """The whole file."""
        with self._reached(), self.filesystem.open_input_file(self.path) as file:
            return bytes(file.read())

    def read_text(self, encoding: str = "utf-8") -> str:
        """The whole file as text."""
        return self.read_bytes().decode(encoding)

    def write_bytes(self, data: bytes) -> None:
        """The whole file anew, with the folders it needs; it may be seen half-written in a store without objects."""
        with self.writing() as file:
            file.write(data)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Any]:
        """A binary file to be written from its beginning; the folders it needs are made."""
        with self._reached():
            try:
                file = self.filesystem.open_output_stream(self.path)
            except FileNotFoundError:
                self.filesystem.create_dir(self.parent.path, recursive=True)
                file = self.filesystem.open_output_stream(self.path)
            with file:
                yield file

    def rename(self, target: RemotePath) -> None:
        """Take the name of another file of the same filesystem; it appears there whole."""
        with self._reached():
            self.filesystem.move(self.path, target.path)

    def unlink(self) -> None:
        """Remove the file."""
        with self._reached():
            self.filesystem.delete_file(self.path)

    def _info(self) -> Any:
        with self._reached():
            return self.filesystem.get_file_info(self.path)

    @contextlib.contextmanager
    def _reached(self) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except FileNotFoundError:
            raise
        except (OSError, pa.ArrowException) as e:
            raise PlaceUnreachable(self.shown, str(e)) from e


Place = Path | RemotePath


def is_remote(text: str) -> bool:
    """Whether a text names a place by a scheme (``s3://…``); ``file://`` and a drive's letter do not count."""
    scheme, found, _ = text.partition("://")
    return bool(found) and len(scheme) > 1 and scheme.isalnum() and scheme.lower() != "file"


def place_of(text: str, filesystem: FileSystem | None = None) -> Place:
    """The place a text names: inside ``filesystem`` when that is given, else by its scheme, else a path.

    PlaceUnreachable for a scheme that pyarrow does not know or an address that it cannot read.
    """
    if filesystem is not None and filesystem.type_name != "local":
        return RemotePath(filesystem, text, text)
    if filesystem is None and is_remote(text):
        return _by_scheme(text)
    return Path(text.removeprefix("file://")).expanduser()


def _by_scheme(text: str) -> RemotePath:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

    try:
        filesystem, path = FileSystem.from_uri(text)
    except (OSError, pa.ArrowException, ImportError) as e:
        raise PlaceUnreachable(text, str(e)) from e
    # What follows the question mark may be secret, and is no part of the path.
    return RemotePath(filesystem, path, text.partition("?")[0])


def arrow_source(place: Place) -> Any:
    """What pyarrow.parquet reads a place from: a path of this machine, or an open file."""
    return place if isinstance(place, Path) else place.open()
