"""Calls one by one, for the doctor. After a refused password nothing more is tried: retries lock accounts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drorch.access.ports import CallCheck, SourceFailed, Trouble

Wanted = tuple[str, str, Callable[[], str]]
"""The call, what it is for, and a function that makes it and says what was found."""


def checked_calls(wanted: Sequence[Wanted]) -> tuple[CallCheck, ...]:
    """Each call by itself. Never raises SourceFailed."""
    found: list[CallCheck] = []
    refused = False
    for call, gives, make in wanted:
        if refused:
            text = "not tried: the name or password was refused"
            found.append(CallCheck(call=call, gives=gives, trouble=Trouble.AUTH, found=text))
            continue
        try:
            found.append(CallCheck(call=call, gives=gives, trouble=None, found=make()))
        except SourceFailed as error:
            text = error.what + (f"; {error.next_step}" if error.next_step else "")
            found.append(CallCheck(call=call, gives=gives, trouble=error.trouble, found=text))
            refused = error.trouble is Trouble.AUTH
    return tuple(found)


def rows(count: int) -> str:
    """How many rows, in words."""
    return f"{count} row{'' if count == 1 else 's'}"
