"""``drorch serve``: what goes on answering until it is ended."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from drorch.app import wiring
from drorch.metrics.collector import Exposition
from drorch.metrics.server import Listen, MetricsServer, read_token
from drorch.metrics.snapshot import Page, Snapshots

app = typer.Typer(no_args_is_help=True)


@app.callback()
def root() -> None:
    """Answer until ended with Ctrl-C or SIGTERM."""


@app.command()
def metrics(
    listen: Annotated[str, typer.Option(help="IP address and port; port 0 takes a free one.")] = "127.0.0.1:9464",
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="File with the bearer token (mode 0600).")
    ] = None,
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog file.")] = Path("app_catalog.yaml"),
) -> None:
    """Serve the metrics of the state folder to Prometheus."""
    token = read_token(token_file) if token_file else None
    where = Listen.parse(listen)
    exposition = Exposition(Snapshots(wiring.metrics_reader(catalog), wiring.clock()))
    with MetricsServer(where, exposition, token) as server:
        _end_when_asked(server)
        host = f"[{where.address}]" if ":" in where.address else where.address
        for page in Page:
            sys.stderr.write(f"listening on http://{host}:{server.server_address[1]}{page.value}\n")
        sys.stderr.flush()
        server.serve_forever(poll_interval=0.2)


def _end_when_asked(server: MetricsServer) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        # The loop that is to end runs in this thread: it must not wait for itself.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
