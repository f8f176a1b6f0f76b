"""What a machine lacks is named at once; what is not tested is not green."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.machine import PACKAGES, package_of

ROOT = Path(__file__).parents[3]


def said(folder: Path, wanted: str, *programs: str) -> tuple[int, str]:
    """Exit code and errors for an ordinary user of a machine that has these programs."""
    folder.mkdir()
    for name in ("sh", "dirname", "grep", *programs):
        (folder / name).symlink_to(sys.executable if name == "python3" else str(shutil.which(name)))
    (folder / "id").write_text("#!/bin/sh\necho 1000\n")
    (folder / "id").chmod(0o755)
    ended = subprocess.run(
        [folder / "sh", ROOT / "tools" / "system_packages.sh", wanted],
        env={"PATH": str(folder)}, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stderr


def test_an_ordinary_user_is_told_all_that_is_missing_with_one_command(tmp_path: Path) -> None:
    code, text = said(tmp_path / "bin", "test", "python3")
    (command,) = [line for line in text.splitlines() if "apt-get install" in line]
    listed = {line.split()[1] for line in PACKAGES.read_text().splitlines() if line.startswith("test ")}
    assert listed - {"openssh-server", "libatomic1"} <= set(command.split())  # these two are looked for in fixed places
    assert command.split().count("prometheus") == 1
    assert "python3-venv" not in command
    assert code == 0


def test_without_python_nothing_can_run_and_still_all_is_named(tmp_path: Path) -> None:
    code, text = said(tmp_path / "bin", "test")
    assert code == 2
    assert "nothing can run without python3 python3-venv" in text
    assert "chromium" in text


def test_the_demonstration_needs_none_of_what_only_the_tests_need(tmp_path: Path) -> None:
    assert said(tmp_path / "bin", "demo", "python3") == (0, "")


def test_a_program_that_is_not_in_the_list_is_a_mistake_of_the_test() -> None:
    assert package_of("amtool") == "prometheus-alertmanager"
    with pytest.raises(LookupError):
        package_of("no-such-program")


def outcome(tmp_path: Path, *options: str) -> tuple[int, str]:
    """Exit code and words of pytest for a skipped test, an expected failure and a file that is skipped as a whole."""
    (tmp_path / "test_here.py").write_text(
        "import pytest\n"
        "def test_skipped(): pytest.skip('no such program')\n"
        "@pytest.mark.xfail\n"
        "def test_expected(): assert False\n"
    )
    (tmp_path / "test_whole.py").write_text("import pytest\npytest.importorskip('no_such_module')\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", *options, tmp_path],
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return ended.returncode, ended.stdout


def test_a_skipped_test_fails_where_skips_are_forbidden(tmp_path: Path) -> None:
    assert outcome(tmp_path)[0] == 0
    code, text = outcome(tmp_path, "--no-skips", "--continue-on-collection-errors")
    assert code == 1
    assert "no such program" in text
    assert "no_such_module" in text
    assert "1 failed, 1 xfailed, 1 error" in text
