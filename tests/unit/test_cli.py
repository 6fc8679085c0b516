"""The command line: one JSON object where asked for one, one clear line and exit code 2 for what one can mend."""

import json
import os
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from deskloop.cli import app
from deskloop.database import connect
from deskloop.releases import Releases
from deskloop.settings import load
from deskloop.store import write_manifest


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """An empty folder to work in, with no configuration from outside."""
    for name in [n for n in os.environ if n.startswith("DESKLOOP_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def mended(*arguments: str) -> str:
    """Run a command that must end with 2, say one line, and print nothing else."""
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("deskloop: "), lines
    return lines[0]


def printed(*arguments: str) -> dict:
    """The one JSON object on stdout."""
    return json.loads(run(*arguments).stdout)


def test_the_doctor_names_a_corrupt_bundle(project):
    bundle = project / "bundle"
    bundle.mkdir()
    (bundle / "thresholds.json").write_text("{}")
    register = Releases(connect(load().database))
    version = register.register(bundle, write_manifest(bundle), verdict={}, metrics={}, reason="test").version
    register.promote(version, "test")
    (bundle / "thresholds.json").write_text("{ }")
    champion = next(f for f in printed("doctor", "--json")["findings"] if f["what"] == "champion")
    assert not champion["ok"] and "thresholds.json" in champion["detail"]


def test_without_a_champion_the_way_to_one_is_told():
    assert "`deskloop run` trains one" in mended("chat")
    assert "there is no version 7" in mended("promote", "7")


def test_bench_rows_that_are_missing_or_malformed_are_named(project):
    assert "none.jsonl" in mended("bench", "email", "--cases", "none.jsonl")
    (project / "cases.jsonl").write_text('{"email": "Hi"}\n')
    assert "cases.jsonl row 1 needs `email` and `reply`" in mended("bench", "email", "--cases", "cases.jsonl")


def test_init_writes_a_configuration_that_loads_and_never_overwrites_one(project):
    assert printed("init", "shop", "--json") == {"config": "shop/deskloop.yaml"}
    load(project / "shop" / "deskloop.yaml")
    assert "exists already" in mended("init", "shop")


@pytest.mark.parametrize("command", [["releases"], ["doctor"]])
def test_json_is_one_object_on_stdout(command):
    assert isinstance(printed(*command, "--json"), dict)


def test_the_doctor_changes_nothing_and_ends_with_2_where_something_is_wrong(project):
    result = run("doctor", "--json")
    assert result.exit_code == 2
    found = {f["what"]: f for f in json.loads(result.stdout)["findings"]}
    assert found["python"]["ok"]
    assert "`deskloop init` writes" in found["configuration"]["detail"]
    (project / "mail").mkdir()
    (project / "deskloop.yaml").write_text("sources: [{kind: mail, name: inbox, path: mail}]")
    found = {f["what"]: f for f in printed("doctor", "--json")["findings"]}
    assert not found["models"]["ok"] and "deskloop fetch" in found["models"]["detail"]
    assert not (project / ".deskloop").exists()


def test_the_command_starts_without_what_is_heavy():
    heavy = "{'prefect', 'torch', 'transformers', 'mlflow', 'evidently', 'pandas', 'sklearn', 'tasks', 'flows'}"
    code = f"import sys, deskloop.cli; sys.exit(str(sorted({heavy} & set(sys.modules)) or ''))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


def test_every_command_takes_json():
    group = typer.main.get_command(app)
    commands = {**group.commands, **group.commands["bench"].commands}
    del commands["bench"]
    assert len(commands) > 20
    assert [n for n, c in commands.items() if not any("--json" in p.opts for p in c.params)] == []
