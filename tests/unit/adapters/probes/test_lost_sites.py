"""What a run proved lost is known to whoever looks at its watch, and to nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from drorch.adapters.probes.lost_sites import FILE_NAME, LostSites


def test_one_observer_writes_and_another_one_reads(tmp_path: Path) -> None:
    writer, reader = LostSites(tmp_path), LostSites(tmp_path)
    assert reader.witnessed() == {}
    writer.add("piscataway", 12.5)
    assert reader.witnessed() == {"piscataway": 12.5}
    writer.add("nyc", 20.0)
    assert reader.witnessed() == {"piscataway": 12.5, "nyc": 20.0}
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"nyc": "soon"}', '{"nyc": null}'])
def test_what_cannot_be_read_leaves_out_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    assert LostSites(tmp_path).witnessed() == {}
