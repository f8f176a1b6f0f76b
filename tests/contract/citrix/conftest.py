"""What every Citrix test shares: secret files, and that no secret is ever in a log, an error, or a repr."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drorch.adapters.citrix.secret import read_secret
from drorch.adapters.clock import SystemClock

SECRETS = ("nitro-Pa55word", "ntlm-Pa55word", "rest-Pa55word", "cloud-5ecret", "login-Pa55word", "wr0ng-Pa55word")


class QuickClock(SystemClock):
    """The real clock; waiting costs no time and is written down."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def secret_file(tmp_path: Path) -> Callable[[str], Path]:
    def make(value: str) -> Path:
        path = tmp_path / f"secret-{len(list(tmp_path.iterdir()))}"
        path.write_text(value + "\n")
        path.chmod(0o600)
        return path

    return make


@pytest.fixture
def secret(secret_file: Callable[[str], Path]) -> Callable[[str], Callable[[], object]]:
    def make(value: str) -> Callable[[], object]:
        path = secret_file(value)
        return lambda: read_secret(path)

    return make


@pytest.fixture(autouse=True)
def no_secret_in_any_log(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Everything is logged at the lowest level, as somebody might who looks for a fault."""
    caplog.set_level(logging.DEBUG)
    yield
    for record in caplog.get_records("call"):
        text = record.getMessage() + repr(record.args)
        for word in (*SECRETS, "NITRO_AUTH_TOKEN=", "CWSAuth", "NSC_AAAC=", "CsrfToken=", "tok-"):
            assert word not in text, f"{record.name} logs a secret: {word}"


def shown(error: BaseException) -> str:
    """Everything an error could show, with what it was raised from."""
    parts = []
    found: BaseException | None = error
    while found is not None:
        parts += [str(found), repr(found), repr(found.args), repr(getattr(found, "__dict__", {}))]
        found = found.__cause__ or (None if found.__suppress_context__ else found.__context__)
    return "\n".join(parts)
