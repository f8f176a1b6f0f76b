"""A process that appends to an event store until it is killed: python store_writer.py PLACE STREAM [BYTES]

It prints the token of each append after the store acknowledged it. BYTES: no file may grow beyond.
"""

from __future__ import annotations

import itertools
import os
import resource
import signal
import sys
import threading
from datetime import UTC, datetime

from drorch.adapters.store.events import SqlStore
from drorch.core.errors import DrorchError
from drorch.core.stream import Draft

THREADS = 3


def append(store: SqlStore, stream: str, thread: int) -> None:
    """Until killed, or told why not."""
    for turn in itertools.count():
        token = f"{os.getpid()}-{thread}-{turn}"
        body = f'{{"fill":"{"x" * 300}","token":"{token}"}}'
        store.append(stream, [Draft(at=datetime.now(UTC), kind="token", body=body)])
        os.write(1, f"{token}\n".encode())


def main(place: str, stream: str, limit: str = "") -> None:
    """Write with several threads; with a limit with one, and end as drorch's commands do."""
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        store = SqlStore(place)
        if limit:
            append(store, stream, 0)
    except DrorchError as error:
        print(error, file=sys.stderr)
        os._exit(int(error.exit_code))
    for thread in range(THREADS):
        threading.Thread(target=append, args=(store, stream, thread)).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
