"""Words and numbers as people read them. Shared by the renderings; rounds nothing, computes nothing."""

from __future__ import annotations

import unicodedata

from drorch.evidence.record.model import ApplicationVerdict, Measured, Moment, Overall, StepOutcome

NOT_MEASURED = "not measured"

RESULT_WORDS = {
    Overall.PASS: "PASS",
    Overall.PASS_WITH_ISSUES: "PASS WITH ISSUES",
    Overall.FAIL: "FAIL",
    Overall.NOT_RUN: "NOT RUN",
    Overall.UNFINISHED: "UNFINISHED",
}

VERDICT_WORDS = {
    ApplicationVerdict.FAILED: "failed",
    ApplicationVerdict.MISSED: "missed",
    ApplicationVerdict.VACUOUS: "vacuous",
    ApplicationVerdict.NOT_MEASURED: NOT_MEASURED,
    ApplicationVerdict.PASS: "pass",
    ApplicationVerdict.PROVED: "proved",
}
"""In the order of concern, the gravest first."""

OUTCOME_WORDS = {outcome: outcome.value.replace("-", " ") for outcome in StepOutcome}

CLEAN_WORDS = {True: "clean", False: "NOT CLEAN", None: "not known to be clean"}
PROTECTED_WORDS = {True: "protected", False: "NOT PROTECTED", None: "not known"}

PROVENANCE_MARKS = {"attested": "", "assumed": "a", "synthetic": "s"}
"""Set behind an objective that nobody attested."""


def duration(seconds: float | None) -> str:
    """``12.41 s``, ``2 min 5.3 s``, ``4 h``; never rounded, "not measured" for None."""
    if seconds is None:
        return NOT_MEASURED
    hundredths = round(seconds * 100)
    if hundredths < 12_000 and hundredths % 6_000:
        return f"{_number(hundredths / 100)} s"
    minutes, rest = divmod(hundredths, 6_000)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [f"{amount} {unit}" for amount, unit in ((days, "d"), (hours, "h"), (minutes, "min")) if amount]
    if rest or not parts:
        parts.append(f"{_number(rest / 100)} s")
    return " ".join(parts)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value == int(value) else f"{value:.2f}"


def bounds(value: Measured | Moment | None) -> str:
    """``±0.10`` or ``+0.10/−0.00``; empty when exact or not measured."""
    if value is None:
        return ""
    plus, minus = (value.plus, value.minus) if isinstance(value, Measured) else (value.plus_s, value.minus_s)
    if plus == minus:
        return f"±{plus:.2f}" if plus else ""
    return f"+{plus:.2f}/−{minus:.2f}"


def measured(value: Measured | None) -> str:
    """A measured duration with its bounds, or "not measured"."""
    return NOT_MEASURED if value is None else f"{duration(value.seconds)} {bounds(value)}".rstrip()


def time_of_day(moment: Moment | None) -> str:
    """``12:03:04.123`` (UTC), or a dash when it did not happen."""
    return "–" if moment is None else moment.wall[11:23]


def date_and_time(moment: Moment | None) -> str:
    """``2026-11-23 12:03:04 UTC``, or a dash."""
    return "–" if moment is None else f"{moment.wall[:10]} {moment.wall[11:19]} UTC"


def count(value: int | None) -> str:
    """A count, or "not measured"."""
    return NOT_MEASURED if value is None else str(value)


def cells(text: str) -> int:
    """Columns the text takes in a terminal: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def fitted(text: str, width: int) -> str:
    """The text in exactly ``width`` columns, cut with an ellipsis when too long."""
    if cells(text) <= width:
        return text + " " * (width - cells(text))
    kept, used = "", 0
    for char in text:
        if used + cells(char) > width - 1:
            break
        kept, used = kept + char, used + cells(char)
    return kept + "…" + " " * (width - 1 - used)
