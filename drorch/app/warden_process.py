"""``python -m drorch.app.warden_process FOLDER SOURCES WAY``: see `adapters.access_warden`. drorch starts it."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from drorch.access.denial_test.journal import AccessJournal
from drorch.access.operations import load_model
from drorch.access.poll import load_sources_file
from drorch.app import composition
from drorch.core.errors import DrorchError


def main(folder: Path, sources: Path, way: str) -> None:
    """Until the pipe ends; then everybody who is still known is logged off, and that is written down."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    configs = load_sources_file(sources, load_model(folder / "capacity.yaml"))
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
    journal = AccessJournal(folder / "journal.jsonl")
    for account, ticket in held.items():
        try:
            succeeded = driver.log_off(ticket)
        except DrorchError:
            succeeded = False
        body = {"account": account, "succeeded": succeeded, "by": "warden"}
        journal.append(composition.clock().now().wall, "logged-off", body)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
