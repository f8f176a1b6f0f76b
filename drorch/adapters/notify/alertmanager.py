"""Silences in Alertmanager (API v2, prometheus/alertmanager, OpenAPI of 0.25)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import cast

import httpx

from drorch.core.errors import Broken
from drorch.estate.model import AlertSource

TIMEOUT_S = 2.0
"""A recovery does not wait longer than this for a system that only keeps people from being called."""
MAX_BYTES = 8_000_000
OWN_ALERTS = "Drorch.*"
"""drorch's own alerts are never silenced: they tell that the run itself is in trouble."""
_OPEN = frozenset({"active", "pending"})


class AlertmanagerSilences:
    """See the port `drorch.orchestration.ports.Silences`."""

    def __init__(self, source: AlertSource) -> None:
        """Nothing is asked yet."""
        self._source = source

    def ensure(self, mark: str, applications: Sequence[str], *, starts: datetime, until: datetime, why: str) -> None:
        """See the port."""
        with self._client() as client:
            found = next(self._mine(client, mark), None)
            body: dict[str, object] = {
                "matchers": [
                    _matcher(self._source.label, "|".join(applications), equal=True),
                    _matcher("alertname", OWN_ALERTS, equal=False),
                ],
                "startsAt": found["startsAt"] if found else starts.isoformat(),
                "endsAt": until.isoformat(),
                "createdBy": mark,
                "comment": why,
            }
            # The id of an open silence with the same matchers changes its end instead of making a second one.
            sent = body | ({"id": found["id"]} if found else {})
            self._answer(lambda: client.post("/api/v2/silences", json=sent))

    def lift(self, mark: str) -> int:
        """See the port."""
        with self._client() as client:
            ids = [str(silence["id"]) for silence in self._mine(client, mark)]
            for silence in ids:
                self._answer(partial(client.delete, f"/api/v2/silence/{silence}"))
        return len(ids)

    def _mine(self, client: httpx.Client, mark: str) -> Iterator[Mapping[str, object]]:
        listed = self._answer(lambda: client.get("/api/v2/silences")).json()
        for silence in listed if isinstance(listed, list) else ():
            if silence.get("createdBy") == mark and silence.get("status", {}).get("state") in _OPEN:
                yield cast(Mapping[str, object], silence)

    def _client(self) -> httpx.Client:
        source = self._source
        headers = {"Authorization": f"Bearer {_token(source.token_file)}"} if source.token_file else {}
        return httpx.Client(
            base_url=source.url.rstrip("/"), timeout=TIMEOUT_S, headers=headers, verify=_trust(source), trust_env=False
        )

    def _answer(self, ask: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            answer = ask()
        except httpx.HTTPError as error:
            raise self._broken(f"does not answer ({type(error).__name__})") from None
        if answer.status_code != httpx.codes.OK:
            raise self._broken(f"answered {answer.status_code}")
        if len(answer.content) > MAX_BYTES:
            raise self._broken("answered with more than is believed")
        return answer

    def _broken(self, what: str) -> Broken:
        return Broken(
            f"Alertmanager {what}", where=self._source.url, next_step="silence the alerts by hand, if need be"
        )


def _matcher(name: str, value: str, *, equal: bool) -> dict[str, object]:
    return {"name": name, "value": value, "isRegex": True, "isEqual": equal}


def _token(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise Broken("the token cannot be read", where=file, next_step="make the file readable for drorch") from None


def _trust(source: AlertSource) -> ssl.SSLContext | bool:
    return True if source.ca_file is None else ssl.create_default_context(cafile=source.ca_file)
