"""Where DESKLOOP_NO_SKIP names a marker, its tests may not be skipped: continuous integration relies on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import pytest
pytestmark = pytest.mark.web

def test_one(chromium):
    raise AssertionError("there is no chromium here")

@pytest.mark.postgres
def test_two():
    pytest.skip("inside")

def test_three():
    pass
"""


@pytest.mark.parametrize("strict, code, says", [("", 0, "1 passed, 2 skipped"), ("server,postgres", 1, "1 failed")])
def test_a_skip_becomes_a_failure_where_its_marker_is_named(
    tmp_path: Path, strict: str, code: int, says: str
) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n  web: w\n  postgres: p\n")
    (tmp_path / "test_it.py").write_text(TESTS)
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path / "conftest.py")
    environment = {**os.environ, "PATH": str(tmp_path), "DESKLOOP_NO_SKIP": strict}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == code and says in run.stdout, run.stdout
    if strict:
        assert "must not be skipped here (DESKLOOP_NO_SKIP names postgres)" in run.stdout
