"""ansible-runner gives each playbook a pseudo terminal: without one, every playbook would end as lost."""

from __future__ import annotations

import os
from collections.abc import Callable

from drorch.core.errors import Broken


def check_terminals(open_one: Callable[[], tuple[int, int]] = os.openpty) -> None:
    """Broken when this machine gives no pseudo terminal (a container without /dev/pts, or all in use)."""
    try:
        ends = open_one()
    except OSError as error:
        raise Broken(
            f"no pseudo terminal can be opened ({error.strerror or error}): no playbook could run here",
            where="/dev/ptmx",
            next_step="mount /dev/pts (mount -t devpts devpts /dev/pts), then continue with 'drorch run attach RUN'",
        ) from error
    for end in ends:
        os.close(end)
