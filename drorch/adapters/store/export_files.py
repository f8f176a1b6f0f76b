"""The files of an export: a folder, or the same folder as one tar file."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from drorch.core.errors import Broken, InputInvalid, NotFound

TAR = ".tar"
_OWNER_ONLY = 0o600


@contextmanager
def new_export(target: Path) -> Iterator[Path]:
    """A folder to write into, which becomes ``target`` when all went well; nothing stays when it did not."""
    if target.exists() and (target.is_file() or any(target.iterdir())):
        raise InputInvalid("it exists already", where=str(target), next_step="name a new folder or a new .tar file")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    except OSError as error:
        raise _broken(target, error) from error
    try:
        yield draft
        if target.suffix == TAR:
            _pack(draft, target)
        else:
            draft.rename(target)
    except OSError as error:
        raise _broken(target, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write(draft: Path, name: str, content: bytes) -> None:
    """One file of an export."""
    file = draft / name
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, _OWNER_ONLY)
    with os.fdopen(descriptor, "ab") as stream:
        stream.write(content)


class ExportFiles:
    """The files of an export that is there."""

    def __init__(self, source: Path) -> None:
        """NotFound without one, InputInvalid for a file that is no tar."""
        self.source = source
        self._tar: tarfile.TarFile | None = None
        if source.is_dir():
            found = (path for path in source.rglob("*") if path.is_file())
            self.names = frozenset(path.relative_to(source).as_posix() for path in found)
            return
        try:
            self._tar = tarfile.TarFile(source, "r")
            self.names = frozenset(member.name for member in self._tar.getmembers())
        except FileNotFoundError:
            raise NotFound("there is no export", where=str(source), next_step="name its folder or .tar file") from None
        except (OSError, tarfile.TarError) as error:
            what = f"not an export of a store ({error})"
            raise InputInvalid(what, where=str(source), next_step="name a folder or a .tar file of an export") from None

    def read(self, name: str) -> bytes:
        """The content of one of `names`. InputInvalid when it cannot be read."""
        try:
            if self._tar is None:
                return (self.source / name).read_bytes()
            stream = self._tar.extractfile(name)
            return b"" if stream is None else stream.read()
        except (OSError, KeyError, tarfile.TarError) as error:
            where, next_step = f"{self.source} {name}", "take another copy of the export"
            raise InputInvalid(f"the file cannot be read ({error})", where=where, next_step=next_step) from None

    def close(self) -> None:
        """Let go of the file."""
        if self._tar is not None:
            self._tar.close()


def _pack(folder: Path, target: Path) -> None:
    """The same files are the same bytes: names in order, no owner, no time."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tarfile.open(draft, "x:", format=tarfile.PAX_FORMAT) as tar:
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                member = tarfile.TarInfo(path.relative_to(folder).as_posix())
                content = path.read_bytes()
                member.size, member.mode = len(content), _OWNER_ONLY
                tar.addfile(member, io.BytesIO(content))
        draft.chmod(_OWNER_ONLY)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def _broken(target: Path, error: OSError) -> Broken:
    return Broken(
        f"the export cannot be written: {error.strerror or error}",
        where=str(target),
        next_step="make room or give this user the rights, then repeat; nothing of it was left behind",
    )
