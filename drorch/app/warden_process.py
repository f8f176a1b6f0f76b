"""``python -m drorch.app.warden_process HOME TEST SOURCES WAY``: see `adapters.access_warden`. drorch starts it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from drorch.access.poll import load_sources_file
from drorch.app import composition
from drorch.core.errors import DrorchError


def main(home: Path, test: str, sources: Path, way: str) -> None:
    """Until the pipe ends; then everybody who is still known is logged off, and that is written down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tests = composition.access_tests(home, on_wait=lambda _seconds, _why: None)
    configs = load_sources_file(sources, tests.load(test).model)
    driver = composition.login_driver(next(item for item in configs if item.id == way))
    held: dict[int, Mapping[str, object]] = {}
    for line in sys.stdin:
        try:
            told = json.loads(line)
        except ValueError:
            continue  # the writer was killed in the middle of it
        if "on" in told:
            held[int(told["on"])] = told["ticket"]
        else:
            held.pop(int(told["off"]), None)
    off: dict[int, bool] = {}
    for account, ticket in held.items():
        try:
            off[account] = driver.log_off(ticket)
        except DrorchError:
            off[account] = False
    # Only now: nobody stays logged on because the store is away.
    for account, succeeded in off.items():
        tests.write(test, "logged-off", {"account": account, "succeeded": succeeded, "by": "warden"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4])
