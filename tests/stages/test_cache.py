"""When a stage's result may be used again."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DIGEST = "from tasks.cache import code_digest; from pathlib import Path; print(code_digest(Path('tasks/{}.py')))"


@pytest.fixture
def copy(tmp_path):
    """A copy of the project that a test may edit."""
    for package in ("deskloop", "tasks"):
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("raw", "cores", "__pycache__")
        )
    return tmp_path


def digest(copy: Path, stage: str) -> str:
    command = [sys.executable, "-c", DIGEST.format(stage)]
    return subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True).stdout.strip()


def edit(file: Path) -> None:
    file.write_text(file.read_text("utf-8") + "\n# edited\n", "utf-8")


def test_an_edited_helper_invalidates_the_stages_that_reach_it_and_no_other(copy):
    before = {stage: digest(copy, stage) for stage in ("preprocess", "features")}
    edit(copy / "deskloop" / "dedup.py")
    after = {stage: digest(copy, stage) for stage in ("preprocess", "features")}
    assert before["preprocess"] != after["preprocess"]
    assert before["features"] == after["features"]


def test_a_helper_is_reached_through_lazy_imports_inside_functions(copy):
    before = digest(copy, "acquire")
    edit(copy / "deskloop" / "sources" / "mail.py")
    assert digest(copy, "acquire") != before


def test_an_edit_of_the_stage_itself_invalidates_it(copy):
    before = digest(copy, "deploy")
    edit(copy / "tasks" / "deploy.py")
    assert digest(copy, "deploy") != before


def test_a_file_nobody_imports_changes_nothing(copy):
    before = digest(copy, "preprocess")
    edit(copy / "deskloop" / "web" / "__init__.py")
    assert digest(copy, "preprocess") == before
