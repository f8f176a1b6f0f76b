"""From Ansible's job events to a result. Collected while the events pass, so that no event is read twice."""

from __future__ import annotations

from collections.abc import Mapping

from drorch.adapters.ansible.secrecy import Secrecy
from drorch.run.ports import PlaybookResult, PlaybookStatus

FACTS_KEY = "drorch"
_LONGEST_MESSAGE = 600


class OutcomeCollector:
    """Sees every job event of one playbook and keeps what counts. Not for more than one thread."""

    def __init__(self, ident: str, secrecy: Secrecy) -> None:
        self._ident = ident
        self._secrecy = secrecy
        self._stats: Mapping[str, object] = {}
        self._ignored: set[str] = set()
        self._dark: set[str] = set()
        self._message = ""
        self._facts: Mapping[str, object] = {}

    def see(self, event: dict[str, object]) -> bool:
        """Take in one event and redact it in place, before it is written. True: write it."""
        for key in ("event_data", "stdout"):
            if key in event:
                event[key] = self._secrecy.data(event[key])
        data = event.get("event_data")
        if isinstance(data, dict):
            self._take(str(event.get("event")), data)
        return True

    def result(self, status: PlaybookStatus, rc: int | None, last_words: str) -> PlaybookResult:
        """The result so far. ``last_words``: what Ansible printed, for a failure before the first task."""
        message = self._message
        if not message and rc not in (0, None):
            message = _first_error(self._secrecy.text(last_words))
        return PlaybookResult(
            ident=self._ident,
            status=status,
            rc=rc,
            processed=self._hosts("processed"),
            dark=self._hosts("dark") | self._dark,
            failures=self._hosts("failures"),
            ignored=self._hosts("ignored") | self._ignored,
            changed=self._hosts("changed"),
            facts=self._facts,
            message=message[:_LONGEST_MESSAGE],
        )

    def _take(self, kind: str, data: Mapping[str, object]) -> None:
        host = str(data.get("host", ""))
        if kind == "playbook_on_stats":
            self._stats = data
            emitted = data.get("artifact_data")
            facts = emitted.get(FACTS_KEY) if isinstance(emitted, dict) else None
            self._facts = facts if isinstance(facts, dict) else {}
        elif kind == "runner_on_unreachable":
            # Counted here too: Ansible's own count leaves hosts out whose play has ignore_unreachable.
            self._dark.add(host)
            self._note_failure(host, data)
        elif kind in ("runner_on_failed", "runner_on_async_failed"):
            if data.get("ignore_errors"):
                self._ignored.add(host)
            self._note_failure(host, data)

    def _note_failure(self, host: str, data: Mapping[str, object]) -> None:
        if not self._message:
            self._message = f"{host}: {data.get('task', 'task')}: {_reason(data.get('res'))}"

    def _hosts(self, name: str) -> frozenset[str]:
        counted = self._stats.get(name)
        return frozenset(map(str, counted)) if isinstance(counted, dict) else frozenset()


def _reason(result: object) -> str:
    if not isinstance(result, Mapping):
        return "failed"
    told = ("msg", "stderr", "stdout") if result.get("failed_when_result") else ("msg", "stderr")
    parts = [str(result[key]).strip() for key in told if result.get(key)]
    return " — ".join(dict.fromkeys(part for part in parts if part)) or "failed"


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "ERROR" in line or "rror:" in line), lines[-1] if lines else "no output")
