"""What a database says, in words for people: what is wrong, and what to do next."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnection

from drorch.core.errors import Broken, StoreAway

_ROOM = "make room, then go on: nothing was written by halves"
_AGAIN = "drorch tries again by itself where somebody waits; look at the server when it stays so"
_RIGHTS = "give this user the rights to read and write there"

_AWAY = {
    "SQLITE_BUSY": ("the store is locked by another process", "find the process that holds it (a copy or a backup)"),
    "SQLITE_LOCKED": ("the store is locked by another process", "try again when it has ended"),
    "SQLITE_INTERRUPT": ("the store did not answer in time", "look at its disk, then try again"),
    "08": ("the store's server cannot be reached", _AGAIN),
    "57P": ("the store's server is stopping or starting", _AGAIN),
    "57014": ("the store did not answer in time", _AGAIN),
    "55P03": ("the store is locked by another process", _AGAIN),
    "25P03": ("the store's server ended a transaction that stood still", _AGAIN),
    "25006": ("the store's server is a standby and takes no writes", _AGAIN),
    "40": ("two writers stood in each other's way", _AGAIN),
    "53300": ("the store's server has too many connections", _AGAIN),
}
_BROKEN = {
    "SQLITE_NOTADB": ("the file is not a store of drorch", "move it away, or name the right one with DRORCH_STORE"),
    "SQLITE_CORRUPT": ("the file of the store is damaged", "keep it, and restore the store from its export"),
    "SQLITE_READONLY": ("the store cannot be written", _RIGHTS),
    "SQLITE_PERM": ("the store cannot be opened", _RIGHTS),
    "SQLITE_CANTOPEN": ("the store cannot be opened", "make its folder and give this user permission on it"),
    "SQLITE_FULL": ("the disk of the store is full", _ROOM),
    "SQLITE_IOERR": ("the disk does not take what is written to the store", f"look at the disk; {_ROOM}"),
    "53100": ("the disk of the store is full", _ROOM),
    "42501": ("this user may not use the store's tables", _RIGHTS),
    "28": ("the store's server does not know this user", "check user and password file of DRORCH_STORE"),
    "3D000": ("there is no such database", "make it: createdb NAME; drorch makes its tables itself"),
}


def said(error: SQLAlchemyError, where: str) -> Broken:
    """StoreAway when the same call may work later, else Broken."""
    if isinstance(error, NoConnection):
        return StoreAway("too many calls use the store at once", where=where, next_step=_AGAIN)
    original: Any = error.orig if isinstance(error, DBAPIError) else None
    code = getattr(original, "sqlite_errorname", None) or getattr(original, "sqlstate", None) or ""
    for prefix, (what, next_step) in _AWAY.items():
        if code.startswith(prefix):
            return StoreAway(what, where=where, next_step=next_step)
    for prefix, (what, next_step) in _BROKEN.items():
        if code.startswith(prefix):
            return Broken(what, where=where, next_step=next_step)
    reason = " ".join(str(original or error).split())
    if is_lost(error) or (isinstance(error, OperationalError) and not code):
        return _unreachable(reason, where)
    return Broken(f"the store's database failed: {reason}", where=where, next_step="look at it, then try again")


def is_lost(error: SQLAlchemyError) -> bool:
    """Whether the connection is gone, so that nobody knows what became of the last statement."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _unreachable(reason: str, where: str) -> Broken:
    """A server refuses a connection with words alone: psycopg hands on no code."""
    for words, code in (("does not exist", "3D000"), ("password", "28"), ("authentication", "28"), ("pg_hba", "28")):
        if "FATAL" in reason and words in reason:
            code = "28" if "role" in reason else code
            what, next_step = _BROKEN[code]
            return Broken(f"{what}: {reason}", where=where, next_step=next_step)
    return StoreAway(f"the store does not answer: {reason}", where=where, next_step=_AGAIN)
