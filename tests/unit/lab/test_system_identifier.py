"""The control file with another identifier: still one PostgreSQL would read."""

from __future__ import annotations

import struct

import pytest

from drorch.core.errors import Broken
from drorch.lab.daemons.system_identifier import control_data_with, crc32c


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283, "the check value of CRC-32C"


@pytest.mark.parametrize("length", [288, 292, 304])
def test_only_identifier_and_checksum_change(length: int) -> None:
    data = struct.pack("=Q", 7) + bytes(range(200)) + bytes(length - 208)
    whole = (data + struct.pack("=I", crc32c(data))).ljust(8192, b"\0")
    changed = control_data_with(whole, 2**61 + 1)
    assert struct.unpack("=Q", changed[:8]) == (2**61 + 1,)
    assert changed[8:length] == whole[8:length]
    assert struct.unpack("=I", changed[length : length + 4]) == (crc32c(changed[:length]),)
    assert changed[length + 4 :] == whole[length + 4 :]


def test_another_file_is_refused() -> None:
    with pytest.raises(Broken, match="checksum"):
        control_data_with(bytes(range(256)) * 32, 1)
