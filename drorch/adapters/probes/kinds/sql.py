"""Does the database take a write and give it back?"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from drorch.adapters.probes.kinds.attempt import Unsatisfied, attempt
from drorch.adapters.probes.kinds.result import ProbeCode, ProbeResult
from drorch.catalog.model import ProbeKind
from drorch.estate.model import Endpoint


@contextmanager
def connection(
    endpoint: Endpoint, *, database: str, user: str, pgpass_file: str, timeout_s: float
) -> Iterator[psycopg.Connection[Any]]:
    """A connection in autocommit whose connecting and whose statements end within ``timeout_s`` seconds each."""
    with psycopg.connect(
        host=endpoint.address,
        port=endpoint.port,
        dbname=database,
        user=user,
        passfile=pgpass_file,
        connect_timeout=max(2, round(timeout_s)),  # libpq takes anything less for 2
        options=f"-c statement_timeout={max(1, round(timeout_s * 1000))}",
        application_name="drorch-probe",
        autocommit=True,
    ) as opened:
        yield opened


@dataclass(frozen=True, kw_only=True)
class SqlProbe:
    """Writes a token into a temporary table of its own, so that nothing is left behind."""

    endpoint: Endpoint
    database: str
    user: str
    pgpass_file: str

    def look(self, timeout_s: float) -> ProbeResult:
        """One write, one read."""
        target = f"{self.endpoint.address}:{self.endpoint.port}/{self.database}"
        return attempt(ProbeKind.SQL, target, lambda: self._transact(timeout_s))

    def _transact(self, timeout_s: float) -> Mapping[str, object]:
        token = secrets.token_hex(8)
        try:
            with connection(
                self.endpoint,
                database=self.database,
                user=self.user,
                pgpass_file=self.pgpass_file,
                timeout_s=timeout_s,
            ) as opened:
                row = opened.execute("select pg_is_in_recovery(), current_setting('server_version')").fetchone()
                if row is None or row[0]:
                    raise Unsatisfied(ProbeCode.READ_ONLY, "the server is in recovery: a standby takes no writes")
                opened.execute("create temporary table drorch_probe (token text) on commit preserve rows")
                opened.execute("insert into drorch_probe values (%s)", (token,))
                read = opened.execute("select token from drorch_probe").fetchall()
        except psycopg.errors.ReadOnlySqlTransaction as error:
            raise Unsatisfied(ProbeCode.READ_ONLY, "the server takes no writes") from error
        except psycopg.errors.QueryCanceled as error:
            raise TimeoutError from error
        except psycopg.OperationalError as error:
            raise _explained(error) from error
        except psycopg.Error as error:
            raise Unsatisfied(ProbeCode.STATUS, f"{type(error).__name__}: {error}".strip()) from error
        if read != [(token,)]:
            raise Unsatisfied(ProbeCode.MISMATCH, "what was written was not read back")
        return {"server_version": row[1]}


def _explained(error: psycopg.OperationalError) -> Exception:
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, psycopg.errors.ConnectionTimeout):
        return TimeoutError()
    if "refused" in text:
        return ConnectionRefusedError()
    if "authentication" in text or "no password" in text or "pg_hba" in text:
        return Unsatisfied(ProbeCode.DENIED, "the server did not accept our login")
    return Unsatisfied(ProbeCode.UNREACHABLE, text)
