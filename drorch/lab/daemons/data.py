"""An application's way to its schema: one connection, one transaction at a time, reconnecting when it breaks."""

from __future__ import annotations

import asyncio
import re
import socket
from dataclasses import dataclass

import psycopg

from drorch.lab.topology import DATABASE, DATABASE_USER

TIMEOUT_S = 2
TOKEN = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class DataError(Exception):
    """The database did not do it. ``kind`` is ``read-only`` or ``database``."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


@dataclass(frozen=True, kw_only=True)
class WriteProof:
    """Which server committed the write."""

    address: str
    port: int
    in_recovery: bool


def schema_sql(schema: str) -> str:
    """Everything an application needs in the database of its group. The name is made of [a-z0-9_] only."""
    return (
        f"CREATE SCHEMA {schema};"
        f"CREATE TABLE {schema}.heartbeats (site text PRIMARY KEY, beats bigint NOT NULL, at timestamptz NOT NULL);"
        f"CREATE TABLE {schema}.transactions (token text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now());"
        f"CREATE TABLE {schema}.canaries (number bigint NOT NULL, at timestamptz NOT NULL DEFAULT now());"
    )


class ApplicationData:
    """The data of one instance of an application."""

    def __init__(self, *, schema: str, pgpass_file: str, application_name: str, address: str, port: int) -> None:
        self._schema = schema
        self._pgpass_file = pgpass_file
        self._application_name = application_name
        self._endpoint = (address, port)
        self._read_only = False
        self._connection: psycopg.AsyncConnection[tuple[object, ...]] | None = None
        self._lock = asyncio.Lock()

    async def point_to(self, address: str, port: int, *, read_only: bool) -> None:
        """Use this database from the next transaction on."""
        if (self._endpoint, self._read_only) != ((address, port), read_only):
            async with self._lock:
                self._endpoint, self._read_only = (address, port), read_only
                await self._disconnect()

    async def close(self) -> None:
        """Give the connection back."""
        async with self._lock:
            await self._disconnect()

    async def transact(self, token: str) -> WriteProof:
        """Write the token and read it back in one transaction. ValueError for a token that is none."""
        if TOKEN.fullmatch(token) is None:
            raise ValueError("a token is 1 to 128 letters, digits and ._:-")
        # One round trip: several statements in one simple query are one transaction.
        rows = await self._run(
            f"INSERT INTO {self._schema}.transactions (token) VALUES ('{token}');"
            "SELECT token, host(inet_server_addr()), inet_server_port(), pg_is_in_recovery()"
            f" FROM {self._schema}.transactions WHERE token = '{token}'"
        )
        if len(rows) != 1 or rows[0][0] != token:
            raise DataError("database", "the written token was not read back")
        return WriteProof(address=str(rows[0][1]), port=int(str(rows[0][2])), in_recovery=bool(rows[0][3]))

    async def write_canary(self, number: int) -> None:
        """Returns after the commit."""
        await self._run(f"INSERT INTO {self._schema}.canaries (number) VALUES ({int(number)})")

    async def canaries(self) -> list[int]:
        """All numbers there are, with duplicates if any."""
        rows = await self._run(f"SELECT number FROM {self._schema}.canaries ORDER BY number")
        return [int(str(row[0])) for row in rows]

    async def beat(self, site: str) -> str:
        """Write the heartbeat; returns the address of the server that committed it."""
        rows = await self._run(
            f"INSERT INTO {self._schema}.heartbeats AS h VALUES ('{site}', 1, now())"
            " ON CONFLICT (site) DO UPDATE SET beats = h.beats + 1, at = now() RETURNING host(inet_server_addr())"
        )
        return str(rows[0][0])

    async def _run(self, statements: str) -> list[tuple[object, ...]]:
        async with self._lock:
            try:
                async with asyncio.timeout(2 * TIMEOUT_S):
                    connection = self._connection or await self._connect()
                    cursor = await connection.execute(statements.encode())
                    while cursor.nextset():
                        pass
                    return await cursor.fetchall() if cursor.description else []
            except psycopg.errors.ReadOnlySqlTransaction as error:
                # Kept open: a standby that is promoted becomes writable in the same connection.
                raise DataError("read-only", str(error).strip()) from error
            except (psycopg.Error, OSError, TimeoutError) as error:
                await self._disconnect()
                raise DataError("database", str(error).strip() or type(error).__name__) from error

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        await _knock(*self._endpoint)
        options = f"-c statement_timeout={TIMEOUT_S * 1000}"
        if self._read_only:
            options += " -c default_transaction_read_only=on"
        self._connection = await psycopg.AsyncConnection.connect(
            host=self._endpoint[0],
            port=self._endpoint[1],
            dbname=DATABASE,
            user=DATABASE_USER,
            passfile=self._pgpass_file,
            application_name=self._application_name,
            connect_timeout=TIMEOUT_S,
            options=options,
            sslmode="disable",
            gssencmode="disable",
            autocommit=True,
            prepare_threshold=None,
        )
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


async def _knock(address: str, port: int) -> None:
    """OSError at once when nobody listens: a twentieth of what a failing libpq connection costs, and it is retried."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as knocking:
        knocking.setblocking(False)
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(knocking, (address, port)), TIMEOUT_S)
