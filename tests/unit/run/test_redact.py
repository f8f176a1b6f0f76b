"""Secrets stay out of what is written down, and the rest stays readable."""

import json

import pytest

from drorch.core.codec import plain
from drorch.core.redact import REDACTED, is_secret_key, redact, redact_facts, redact_text


@pytest.mark.parametrize(
    "key", ["password", "db_password", "dbPassword", "PGPASSWORD", "api_key", "token", "tsig-secret"]
)
def test_values_under_secret_keys_are_replaced(key: str) -> None:
    assert redact({key: "hunter2"}) == {key: REDACTED}


@pytest.mark.parametrize("key", ["key_file", "pgpass_path", "host", "monkey", "keyboard", "token_count", "site"])
def test_other_values_stay(key: str) -> None:
    assert not is_secret_key(key)
    assert redact({key: "value"}) == {key: "value"}


@pytest.mark.parametrize(
    "text",
    [
        "connect failed: password=hunter2 host=x",
        'said {"password": "hunter2"}',
        "postgresql://drorch:hunter2@127.10.0.1/apps",
        "Authorization: Bearer hunter2hunter2",
        "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----",
    ],
)
def test_secrets_inside_text_are_replaced(text: str) -> None:
    assert "hunter2" not in redact_text(text)


def test_known_secrets_are_replaced_wherever_they_stand() -> None:
    found = redact({"log": ["a s3cr3t-value b"], "deep": {"x": ("s3cr3t-value",)}}, {"s3cr3t-value"})
    assert found == {"log": [f"a {REDACTED} b"], "deep": {"x": [REDACTED]}}


def test_a_secret_that_is_part_of_another_does_not_leave_the_rest() -> None:
    assert redact_text("abcdefgh", {"abcd", "abcdefgh"}) == REDACTED


def test_the_result_can_always_be_written_as_json() -> None:
    odd = {"nan": float("nan"), "bytes": b"x", "set": {2, 1}, "broken": "a\udcffb", 3: None, "none_password": None}
    written = json.dumps(plain(redact_facts(odd)), allow_nan=False, ensure_ascii=False).encode()
    assert json.loads(written)["set"] == [1, 2]
    assert json.loads(written)["none_password"] is None
