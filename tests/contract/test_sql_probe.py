"""The sql probe over a real server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from drorch.adapters.probes.kinds.result import ProbeCode
from drorch.adapters.probes.kinds.sql import SqlProbe

from .postgres import Postgres, programs


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with programs() as place, Postgres(place, "alone").created() as server:
        server.start()
        yield server


def test_sql_writes_reads_and_leaves_nothing(postgres: Postgres) -> None:
    probe = SqlProbe(endpoint=postgres.endpoint, database="postgres", user="drorch", pgpass_file="/nowhere")
    result = probe.look(5.0)
    assert result.ok, result
    unknown = SqlProbe(endpoint=postgres.endpoint, database="none", user="drorch", pgpass_file="/nowhere")
    assert not unknown.look(5.0).ok


def test_sql_is_not_satisfied_by_a_standby(postgres: Postgres) -> None:
    postgres.stop()
    (postgres.data / "standby.signal").touch()
    try:
        postgres.start()
        probe = SqlProbe(endpoint=postgres.endpoint, database="postgres", user="drorch", pgpass_file="/nowhere")
        assert probe.look(5.0).code is ProbeCode.READ_ONLY
    finally:
        postgres.stop()
        (postgres.data / "standby.signal").unlink()
        postgres.start()
