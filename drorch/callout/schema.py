"""The shape of ``callout.yaml``, as strict pydantic models. Used by ``callout.load`` only."""

from __future__ import annotations

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from drorch.callout.model import Cascade, Encryption, Shown
from drorch.catalog.schema import Line, Seconds, Slug

_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_PLAIN = re.compile(r"[!-~]{1,2000}")
LONGEST_MAIL = 320
LONGEST_WAIT_S = 7 * 86_400.0


def _mail(text: str) -> str:
    # The address itself is not repeated: errors end up on screens and in logs.
    if not _MAIL.fullmatch(text) or ".." in text or len(text) > LONGEST_MAIL:
        raise ValueError("is not a mail address; write it like name@example.org")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _PLAIN.fullmatch(text):
        raise ValueError("is not a web address; write it like https://host/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or a password before the host; leave them out")
    return text


def _wait(seconds: float) -> float:
    if not 1 <= seconds <= LONGEST_WAIT_S:
        raise ValueError("has to be between 1 s and 7 days")
    return seconds


Mail = Annotated[str, AfterValidator(_mail)]
Url = Annotated[str, AfterValidator(_url)]
Wait = Annotated[Seconds, AfterValidator(_wait)]


class _Strict(BaseModel):
    # An address that is refused must not be repeated in the error.
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, hide_input_in_errors=True)


class PersonEntry(_Strict):
    """Somebody who may be called."""

    id: Slug
    name: Line
    role: Line
    department: Slug
    called_by: Slug | None = None
    deputies: list[Slug] = Field(default_factory=list)
    email: Mail | None = None
    webhook: Url | None = None


class BranchEntry(_Strict):
    """The tree of one department; its id is that of the department."""

    id: Slug
    head: Slug
    escalation: list[Slug] = Field(default_factory=list)


class PolicyEntry(_Strict):
    """Rules; what is left out has the default of ``model.Policy``."""

    cascade: Annotated[Cascade, Field(strict=False)] = Cascade.LEVELS
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    retry_after: Wait = 300.0
    deputy_after: Wait = 600.0
    ends_after: Wait = 3600.0
    needed_share: Annotated[float, Field(gt=0, le=1, strict=False)] = 1.0
    shown: Annotated[Shown, Field(strict=False)] = Shown.ROLES


class SmtpEntry(_Strict):
    """The mail server."""

    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)]
    encryption: Annotated[Encryption, Field(strict=False)]
    sender: Mail
    user: Line | None = None
    password_file: Line | None = None
    ca_file: Line | None = None
    timeout: Wait = 10.0


class CalloutFile(_Strict):
    """The whole file."""

    schema_version: Literal[1] = Field(alias="schema")
    id: Slug
    title: Line
    link_base: Url
    policy: PolicyEntry = Field(default_factory=PolicyEntry)
    smtp: SmtpEntry | None = None
    webhook_timeout: Wait = 10.0
    departments: Annotated[list[BranchEntry], Field(min_length=1)]
    people: Annotated[list[PersonEntry], Field(min_length=1)]
