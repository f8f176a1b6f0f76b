"""Gathers the management-review pack: the year, the corrective actions, the after-action reports of the year."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from drorch.actions.codec import counts
from drorch.actions.operations import Actions
from drorch.core.errors import InputInvalid
from drorch.report.after_action.model import AfterAction
from drorch.report.after_action.operations import AfterActions
from drorch.report.page import Page
from drorch.report.review.pack import Pack, pack_page
from drorch.year.operations import Year
from drorch.year.statement import line


def review_pack(
    year: Year, actions: Actions, reports: AfterActions, title: str, on: date | None, signers: Sequence[str] = ()
) -> Page:
    """The pack as it stands at the end of ``on`` (None: today). ``signers``: ``role=name``, else the usual roles.

    The year is that of any day; actions and reports are as they stand now. InputInvalid for a day to come and for a
    signer without a role.
    """
    if on is not None and on > year.today():
        raise InputInvalid(f"{on} has not come yet", where="--on", next_step="name today, or a day before")
    status, findings = year.status(on)
    book, unread = actions.book()
    found = [reports.book(name).version(None) for name in reports.names()]
    known = {item.subject: item for item in (*findings, *unread)}
    every = tuple(book.actions.values())
    return pack_page(
        Pack(
            title=title,
            status=status,
            counts=counts(every, status.on),
            actions=every,
            reports=[item for item in found if _year_of(item) == status.on.year],
            findings=tuple(known.values()),
            signers=tuple(_signer(text) for text in signers),
        )
    )


def _year_of(report: AfterAction) -> int:
    """The year of what it is about, else of its draft."""
    began = [item.began.wall for item in report.evidence.activities if item.began]
    days = [item.day for item in report.evidence.exercises]
    return int(min([*began, *days], default=report.drafted.at)[:4])


def _signer(text: str) -> tuple[str, str]:
    role, sign, name = line(text, "--sign").partition("=")
    if not role.strip() or not sign:
        raise InputInvalid(f"{text!r} names no role", where="--sign", next_step="write it like 'Chair=A. Name'")
    return role.strip(), name.strip()
