"""Operators' requests in the same database as the journal, in a table of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete, insert, select

from drorch.adapters.store.database import REQUESTS, Database
from drorch.core.clock import Instant
from drorch.core.codec import plain, read
from drorch.core.errors import InputInvalid
from drorch.core.ids import canonical_json
from drorch.run.codec import body_from_json, body_to_json, kind_of
from drorch.run.ports import OperatorBody, OperatorInbox, OperatorRequest


class SqlInbox(OperatorInbox):
    """See the port `drorch.run.ports.OperatorInbox`."""

    def __init__(self, url_or_path: str | Path, *, lock_timeout_s: float = 10.0) -> None:
        """As `SqlJournal`."""
        self._database = Database(url_or_path, lock_timeout_s=lock_timeout_s)

    def put(self, run: str, body: OperatorBody, *, asked: Instant | None = None) -> None:
        """See the port. InputInvalid for a body that is not a person's to write."""
        if not isinstance(body, OperatorBody):
            raise InputInvalid(f"{kind_of(body)} is not a request a person can make")
        data = {"body": body_to_json(body), "asked": plain(asked) if asked else None}
        row = {"run": run, "kind": kind_of(body), "data": canonical_json(data)}
        with self._database.transaction() as connection:
            connection.execute(insert(REQUESTS), [row])

    def pending(self, run: str) -> tuple[OperatorRequest, ...]:
        """See the port."""
        query = select(REQUESTS.c.id, REQUESTS.c.kind, REQUESTS.c.data).where(REQUESTS.c.run == run)
        with self._database.transaction() as connection:
            rows = connection.execute(query.order_by(REQUESTS.c.id)).all()
        found: list[OperatorRequest] = []
        for number, kind, data in rows:
            content = json.loads(data)
            where = f"{self._database.where} request {number}"
            body = body_from_json(kind, content["body"], where=where)
            asked = read(Instant, content["asked"], where=where, next_step=None) if content["asked"] else None
            if isinstance(body, OperatorBody):
                found.append(OperatorRequest(id=number, body=body, asked=asked))
        return tuple(found)

    def settle(self, run: str, ids: Sequence[int]) -> None:
        """See the port."""
        with self._database.transaction() as connection:
            connection.execute(delete(REQUESTS).where(REQUESTS.c.run == run, REQUESTS.c.id.in_(ids)))

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()
