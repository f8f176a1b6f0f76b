"""The bytes of an evidence archive: a ZIP file of which there is exactly one for given files.

Names sorted, contents stored as they are, one fixed time stamp, no comment, no extra fields. So an archive is checked
by packing its files again and comparing bytes: nothing can hide in the structure, no program's compressor matters, and
no small file can unfold into a large one.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence

from drorch.core.errors import InputInvalid
from drorch.core.findings import Finding, Severity

MAX_BYTES = 1 << 30
"""Larger archives are neither written nor read (the 76 applications' failover is some ten megabytes)."""
MAX_FILES = 65_535

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_VERSION, _MADE_ON_UNIX, _UTF8_NAMES, _STORED = 20, 3 << 8, 0x800, 0
_MIDNIGHT, _FIRST_OF_1980 = 0, 0x21
_PLAIN_FILE_OF_ITS_OWNER = 0o100600 << 16

Entry = tuple[str, bytes]


def pack(entries: Sequence[Entry]) -> bytes:
    """The archive of these files, sorted by name. InputInvalid when there are too many or they are too large."""
    size = sum(len(content) + 2 * len(name) + 100 for name, content in entries)
    if size > MAX_BYTES or len(entries) > MAX_FILES:
        raise InputInvalid(
            f"{len(entries)} files of {size} bytes do not fit into one archive",
            next_step=f"at most {MAX_FILES} files and {MAX_BYTES} bytes; keep the state folder itself instead",
        )
    parts: list[bytes] = []
    directory: list[bytes] = []
    offset = 0
    for name, content in sorted(entries):
        raw = name.encode()
        shared = (_VERSION, _UTF8_NAMES, _STORED, _MIDNIGHT, _FIRST_OF_1980, zlib.crc32(content))
        sizes = (len(content), len(content), len(raw), 0)
        rest = (0, 0, 0, _PLAIN_FILE_OF_ITS_OWNER, offset)
        directory += [_CENTRAL.pack(b"PK\x01\x02", _MADE_ON_UNIX | _VERSION, *shared, *sizes, *rest), raw]
        parts += [_LOCAL.pack(b"PK\x03\x04", *shared, *sizes), raw, content]
        offset += _LOCAL.size + len(raw) + len(content)
    listed = b"".join(directory)
    end = _END.pack(b"PK\x05\x06", 0, 0, len(entries), len(entries), len(listed), offset, 0)
    return b"".join([*parts, listed, end])


def unpack(data: bytes, source: str) -> tuple[Entry, ...]:
    """The files as they stand in ``data``, one after the other. InputInvalid where that cannot be followed."""
    entries: list[Entry] = []
    at = 0
    while data[at : at + 4] == b"PK\x03\x04":
        begin = at + _LOCAL.size
        if begin > len(data):
            raise _unreadable(source, at)
        header = _LOCAL.unpack_from(data, at)
        size, length = header[7], header[9]
        name = data[begin : begin + length].decode("utf-8", "replace")
        end = begin + length + size
        if end > len(data) or not name.isprintable():
            raise _unreadable(source, at)
        entries.append((name, data[begin + length : end]))
        at = end
    if not entries or data[at : at + 4] != b"PK\x01\x02":
        raise _unreadable(source, at)
    return tuple(entries)


def check(data: bytes, entries: Sequence[Entry]) -> Iterator[Finding]:
    """What in ``data`` is not as :func:`pack` writes these files: one finding with the first byte, one per twin."""
    expected = pack(entries)
    if data != expected:
        pairs = enumerate(zip(data, expected, strict=False))
        at = next((at for at, (here, there) in pairs if here != there), min(len(data), len(expected)))
        yield Finding(
            code="archive-bytes",
            severity=Severity.ERROR,
            subject="archive",
            message=f"byte {at} is not as drorch writes an archive of these files",
        )
    for name, times in sorted(Counter(name for name, _ in entries).items()):
        if times > 1:
            message = f"the file is there {times} times"
            yield Finding(code="file-twice", severity=Severity.ERROR, subject=name, message=message)


def _unreadable(source: str, at: int) -> InputInvalid:
    return InputInvalid(
        f"not readable as an evidence archive: byte {at} begins neither a file nor the list of files",
        where=source,
        next_step="verify the file that 'drorch report export' wrote, not one packed anew; or take it from its copy",
    )
