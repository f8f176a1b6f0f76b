"""Does the standby follow the primary? Proved end to end by a marker that has to arrive."""

from __future__ import annotations

import time
from typing import Any

import psycopg

from drorch.adapters.probes.kinds.sql import connection
from drorch.estate.model import DatabaseNode, Estate
from drorch.plan.model import ReplicationAct
from drorch.run.ports import Proof

STATEMENT_S = 3.0
POLL_S = 0.02


def look_at_replication(estate: Estate, act: ReplicationAct) -> Proof:
    """One look. The claim: same system, roles right, streaming, and a marker arrives within ``max_lag_s`` seconds."""
    try:
        primary = estate.database(act.group, act.primary)
        standby = estate.database(act.group, act.standby)
    except KeyError as error:
        return Proof(holds=False, code="database-unknown", reason=f"the estate has no database {error}")
    asked = primary
    try:
        with _connect(estate, primary) as first:
            asked = standby
            with _connect(estate, standby) as second:
                return _compare(first, second, act)
    except psycopg.Error as error:
        text = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Proof(holds=False, code="database-unreachable", reason=f"{act.group} at {asked.site}: {text}")


def _connect(estate: Estate, node: DatabaseNode) -> Any:
    return connection(
        node.endpoint,
        database=estate.database_name,
        user=estate.database_user,
        pgpass_file=estate.pgpass_file,
        timeout_s=STATEMENT_S,
    )


def _compare(primary: psycopg.Connection[Any], standby: psycopg.Connection[Any], act: ReplicationAct) -> Proof:
    roles = (_one(primary, "select pg_is_in_recovery()"), _one(standby, "select pg_is_in_recovery()"))
    if roles[0]:
        return Proof(holds=False, code="primary-in-recovery", reason=f"{act.primary} is a standby itself")
    if not roles[1]:
        return Proof(holds=False, code="standby-not-in-recovery", reason=f"{act.standby} takes writes of its own")
    system = "select system_identifier::text from pg_control_system()"
    systems = (_one(primary, system), _one(standby, system))
    if systems[0] != systems[1]:
        return Proof(holds=False, code="system-differs", reason="the two are not copies of one database")
    receiver = _one(standby, "select status from pg_stat_wal_receiver")
    facts: dict[str, object] = {"receiver": receiver, "system_identifier": systems[0]}
    if receiver != "streaming":
        reason = f"{act.standby} is not streaming: {receiver or 'no receiver'}"
        return Proof(holds=False, code="not-streaming", reason=reason, facts=facts)
    return _marker(primary, standby, act, facts)


def _marker(
    primary: psycopg.Connection[Any], standby: psycopg.Connection[Any], act: ReplicationAct, facts: dict[str, object]
) -> Proof:
    """Write a message into the log of the primary and wait until the standby has replayed it."""
    primary.execute("select pg_logical_emit_message(true, 'drorch', 'marker')")
    lsn = _one(primary, "select pg_current_wal_lsn()::text")
    started = time.monotonic()
    while True:
        behind = _one(
            standby, "select greatest(0, pg_wal_lsn_diff(%s::pg_lsn, pg_last_wal_replay_lsn()))::bigint", (lsn,)
        )
        lag = time.monotonic() - started
        facts = {**facts, "lag_s": round(lag, 3), "lag_bytes": behind}
        if lag > act.max_lag_s and (behind is None or behind > 0):
            reason = f"a marker did not arrive within {act.max_lag_s:g} s, {behind} bytes are missing"
            return Proof(holds=False, code="lag", reason=reason, facts=facts)
        if behind == 0:
            return Proof(holds=True, facts=facts)
        time.sleep(POLL_S)


def _one(opened: psycopg.Connection[Any], statement: str, values: tuple[object, ...] = ()) -> Any:
    row = opened.execute(statement.encode(), values or None).fetchone()
    return None if row is None else row[0]
