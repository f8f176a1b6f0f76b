"""The frame around one look: times it and turns what the operating system says into a stable code."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from drorch.adapters.probes.kinds.result import ProbeCode, ProbeResult
from drorch.catalog.model import ProbeKind


class Unsatisfied(Exception):
    """Raised inside a look: the target answered, and not as it has to."""

    def __init__(self, code: ProbeCode, reason: str) -> None:
        self.code = code
        self.reason = reason
        super().__init__(reason)


def attempt(kind: ProbeKind, target: str, look: Callable[[], Mapping[str, object]]) -> ProbeResult:
    """Call ``look`` and report its facts, or why it was not satisfied."""
    started = time.monotonic()
    facts: Mapping[str, object] = {}
    try:
        facts = look()
        code, reason = ProbeCode.OK, ""
    except Unsatisfied as error:
        code, reason = error.code, error.reason
    except ConnectionRefusedError:
        code, reason = ProbeCode.REFUSED, "connection refused"
    except TimeoutError:
        code, reason = ProbeCode.TIMEOUT, "no answer in time"
    except (ConnectionError, EOFError) as error:
        code, reason = ProbeCode.PROTOCOL, f"the connection broke: {type(error).__name__}"
    except OSError as error:
        code, reason = ProbeCode.UNREACHABLE, f"{type(error).__name__}: {error}"
    seconds = time.monotonic() - started
    return ProbeResult(kind=kind, target=target, code=code, reason=reason, seconds=seconds, facts=facts)
