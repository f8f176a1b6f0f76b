"""``drorch serve``: what goes on answering until it is ended."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from drorch.app import composition, settings
from drorch.metrics.collector import Exposition
from drorch.metrics.server import Listen, MetricsServer, read_token
from drorch.metrics.snapshot import Page, Snapshots

app = typer.Typer()


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="IP address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8433,
    certificate: Annotated[Path | None, typer.Option("--tls-certificate", help="PEM file: speak https.")] = None,
    key: Annotated[Path | None, typer.Option("--tls-key", help="Its private key (PEM, mode 0600).")] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="A proxy in front speaks https.")] = False,
    proxy: Annotated[str, typer.Option("--proxy-address", help="The proxy's address, the only one believed.")] = (
        "127.0.0.1"
    ),
    name: Annotated[list[str] | None, typer.Option("--name", help="Name people reach it by. Repeatable.")] = None,
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog file.")] = Path("app_catalog.yaml"),
    year: Annotated[Path, typer.Option("--year", help="The programme of the year.")] = Path("year.yaml"),
    capacity: Annotated[Path, typer.Option("--capacity", help="The model of remote access.")] = Path("capacity.yaml"),
    schedule: Annotated[Path, typer.Option("--schedule", help="The schedule file.")] = Path("schedule.yaml"),
    planner: Annotated[Path, typer.Option("--planner", help="How tests are held.")] = Path("planner.yaml"),
    access: Annotated[Path, typer.Option("--access", help="The sources of remote access.")] = Path("access.yaml"),
    estate: Annotated[Path | None, typer.Option("--estate", help="Default: the running lab's.")] = None,
    oidc: Annotated[Path | None, typer.Option("--oidc", help="Settings of an OpenID provider (YAML).")] = None,
) -> None:
    """Console and REST API, until ended with Ctrl-C or SIGTERM. Nothing of a run depends on it."""
    if context.invoked_subcommand is not None:
        return
    # Only here: the rest of drorch works without the packages of the web.
    from drorch.interfaces.http.context import Files, real_context
    from drorch.interfaces.serving.server import Place, serve

    files = Files(
        catalog=catalog,
        year=year,
        capacity=capacity,
        schedule=schedule,
        planner=planner,
        access=access,
        estate=estate,
    )
    place = Place(
        host=host,
        port=port,
        certificate=certificate,
        key=key,
        behind_proxy=behind_proxy,
        proxy=proxy,
        names=tuple(name or ()),
    )
    serve(real_context(settings.home(), files, oidc), place)


@app.command()
def metrics(
    listen: Annotated[str, typer.Option(help="IP address and port; port 0 takes a free one.")] = "127.0.0.1:9464",
    token_file: Annotated[
        Path | None, typer.Option("--token-file", metavar="FILE", help="File with the bearer token (mode 0600).")
    ] = None,
    catalog: Annotated[Path, typer.Option("--catalog", help="The catalog file.")] = Path("app_catalog.yaml"),
    capacity: Annotated[Path, typer.Option("--capacity", help="The model of remote access.")] = Path("capacity.yaml"),
    access: Annotated[Path, typer.Option("--access", help="The sources of remote access.")] = Path("access.yaml"),
) -> None:
    """Serve the metrics of the state folder to Prometheus."""
    token = read_token(token_file) if token_file else None
    where = Listen.parse(listen)
    reader = composition.metrics_reader(catalog, model=capacity, sources=access)
    exposition = Exposition(Snapshots(reader, composition.clock()))
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
