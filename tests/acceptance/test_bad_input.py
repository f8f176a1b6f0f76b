"""Bad catalogs through the command: one clear error with file, line and field, exit code 2, no traceback, fast."""

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from drorch.interfaces.terminal.main import main
from drorch.testing.builders import catalog_text

LAUGHS = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nc: &c [*b, *b, *b]\nd: [*c, *c, *c]\n"
CYCLE = ("    rto_from: disruption\n", "    rto_from: disruption\n    depends_on: [mail]\n")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a call left behind."""

    code: int
    out: str
    err: str


def drorch(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *args: str) -> Outcome:
    """Call the command as the shell would, in this process."""
    monkeypatch.setattr(sys, "argv", ["drorch", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    return Outcome(code=int(ended.value.code or 0), out=out, err=err)


def changed(*changes: tuple[str, str]) -> bytes:
    return catalog_text(*changes).encode()


CASES = [
    pytest.param(
        changed(CYCLE), "bad.yaml:47 applications.directory.depends_on", "directory → mail → directory", id="cycle"
    ),
    pytest.param(
        changed(("id: mail", "id: directory")),
        "bad.yaml:50 applications.directory#2",
        "is given to 2 applications",
        id="duplicate-id",
    ),
    pytest.param(
        changed(("primary_site: nyc", "primary_site: geneva")),
        "bad.yaml:20 groups.nyc-platform.primary_site",
        "no 'geneva' among the sites",
        id="unknown-site",
    ),
    pytest.param(
        changed(("tier: 2", "tier: two")),
        "bad.yaml:54 applications.mail.tier",
        "a whole number expected, not 'two'",
        id="wrong-type",
    ),
    pytest.param(b"", "bad.yaml:1", "the file is empty", id="empty"),
    pytest.param(b"x: " + b"y" * 17_000_000, "bad.yaml", "larger than 16,777,216 bytes", id="seventeen-megabytes"),
    pytest.param(b"\x7fELF\x02\x01\x01\x00\x00\x00", "bad.yaml:1", "a binary file", id="binary"),
    pytest.param(LAUGHS.encode(), "bad.yaml:1", "an anchor (&a) is not allowed", id="yaml-bomb"),
    pytest.param(changed(("    tier: 2", "\ttier: 2")), "bad.yaml:54", "indented with a tab", id="tab"),
    pytest.param(changed().replace(b"Letters", b"Lettr\xe9s"), "bad.yaml:52", "not UTF-8: byte 0xe9", id="not-utf-8"),
    pytest.param(
        changed(("tier: 2", "tier: 2\n    tier: 3")), "bad.yaml:55 applications.1.tier", "given twice", id="key-twice"
    ),
    pytest.param(
        changed(("tier: 2", "teir: 2")),
        "bad.yaml:54 applications.mail.teir",
        "did you mean 'tier'?",
        id="unknown-field",
    ),
    pytest.param(
        changed(("id: mail", "id: Mail!")),
        "bad.yaml:50 applications.Mail!.id",
        "'Mail!' is not an id",
        id="non-slug-id",
    ),
    pytest.param(changed() + b"---\nschema: 1\n", "bad.yaml:120", "a second document starts here", id="two-documents"),
    pytest.param(changed(("tier: 2", "tier: [2")), "bad.yaml:5", "not valid YAML", id="syntax"),
]


@pytest.mark.parametrize(("content", "where", "says"), CASES)
def test_one_clear_error(
    content: bytes,
    where: str,
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    began = time.process_time()
    outcome = drorch(capsys, monkeypatch, "catalog", "check", "--catalog", "bad.yaml")
    assert time.process_time() - began < 5
    told = outcome.out + outcome.err
    assert outcome.code == 2, told
    assert where in told
    assert says in told
    assert "next:" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("name", ["nowhere.yaml", "."])
def test_a_file_that_cannot_be_read(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    outcome = drorch(capsys, monkeypatch, "catalog", "check", "--catalog", name)
    assert outcome.code == 2
    assert "cannot be read" in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"", "is empty"), (b"a,b\n1,2\n", "no column is called name"), (b'name\n"Mail\n', "not valid CSV")],
)
def test_bad_csv(
    content: bytes, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.csv").write_bytes(content)
    monkeypatch.chdir(tmp_path)
    outcome = drorch(capsys, monkeypatch, "catalog", "import", "bad.csv")
    assert outcome.code == 2
    assert says in outcome.err
    assert "bad.csv" in outcome.err
    assert outcome.out == ""


def test_a_good_catalog_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "good.yaml").write_bytes(changed())
    monkeypatch.chdir(tmp_path)
    assert drorch(capsys, monkeypatch, "catalog", "check", "--catalog", "good.yaml").code == 0
