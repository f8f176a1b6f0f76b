"""As whom the lab's servers run: as the caller, or as an unprivileged user when the caller is root."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from drorch.core.errors import Broken, InputInvalid

UNPRIVILEGED = (65534, 65534)
"""``nobody``: owns nothing on any machine. PostgreSQL refuses to run as root."""
RunAs = tuple[int, int] | None


def servers_identity() -> RunAs:
    """(uid, gid) to switch to, None when the caller is not root."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def drop_privileges(run_as: RunAs) -> None:
    """Become ``run_as`` for good."""
    if run_as is None:
        return
    os.setgroups([])
    os.setgid(run_as[1])
    os.setuid(run_as[0])


def give(path: Path, run_as: RunAs) -> None:
    """Make ``path`` the servers' own."""
    if run_as is not None:
        os.chown(path, *run_as)


def make_folder(path: Path, run_as: RunAs, mode: int = 0o755) -> None:
    """A folder that belongs to the servers. Missing parents are made the same way."""
    if not path.parent.exists():
        make_folder(path.parent, run_as, mode)
    path.mkdir(exist_ok=True)
    path.chmod(mode)
    give(path, run_as)


def write_file(path: Path, text: str, run_as: RunAs, mode: int = 0o644) -> None:
    """A file of the servers, never readable with wider rights than ``mode``, replaced as a whole."""
    write_bytes(path, text.encode("utf-8"), run_as, mode)


def write_bytes(path: Path, content: bytes, run_as: RunAs, mode: int) -> None:
    """As `write_file`, for what is no text."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    give(temporary, run_as)
    temporary.replace(path)


def run_tool(
    argv: Sequence[str],
    *,
    run_as: RunAs,
    cwd: Path,
    timeout_s: float = 60,
    text_in: str | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a program as the servers' user and return its output. Broken with its last lines when it fails."""
    user, group = run_as if run_as is not None else (None, None)
    try:
        done = subprocess.run(
            argv,
            cwd=cwd,
            input=text_in if text_in is not None else "",
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout_s,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", **(env or {})},
            start_new_session=True,
            check=False,
            user=user,
            group=group,
            extra_groups=None if run_as is None else [],
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Broken(f"{Path(argv[0]).name}: {error}", next_step="see the lab's folder for logs") from error
    if done.returncode != 0:
        tail = " | ".join(done.stdout.strip().splitlines()[-4:])
        raise Broken(f"{Path(argv[0]).name} failed with {done.returncode}: {tail}", where=str(cwd))
    return done.stdout


def check_reachable(folder: Path, run_as: RunAs) -> None:
    """InputInvalid when the servers' user could not get into ``folder``."""
    if run_as is None:
        return
    try:
        run_tool(["ls", "-d", f"{folder}/."], run_as=run_as, cwd=Path("/"), timeout_s=10)
    except Broken as error:
        raise InputInvalid(
            f"the servers run as user {run_as[0]}, who cannot enter this folder",
            where=str(folder),
            next_step="name a folder below one that everybody may pass through, for example under /tmp",
        ) from error
