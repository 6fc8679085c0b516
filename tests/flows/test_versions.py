"""Versions that the train flow made: compared side by side, and taken elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from deskloop.bot import Bot
from deskloop.cli import app
from deskloop.errors import CorruptBundle
from deskloop.releases import Releases
from deskloop.settings import Settings
from deskloop.store import write_manifest

LOADS_WITHOUT_PICKLE = """
import pickle, sys
from pathlib import Path
from deskloop.bot import Bot
from deskloop.settings import Settings
def refused(*_, **__): raise AssertionError("something was unpickled")
pickle.load = pickle.loads = pickle.Unpickler = refused
bot = Bot.load(Path(sys.argv[1]), Settings())
print(bot.answer([{"role": "user", "content": "Hello"}]).kind)
bot.close()
"""
TRANSFORMERS_ALONE = """
import sys
sys.modules["deskloop"] = None
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("generator")
tokenizer = AutoTokenizer.from_pretrained("generator")
asked = tokenizer.apply_chat_template([{"role": "user", "content": "Hello"}], return_tensors="pt", return_dict=True)
print(model.generate(**asked, max_new_tokens=3).shape[0])
"""


def run(project: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, [*arguments, "--config", str(project / "deskloop.yaml")])


def python(code: str, *arguments: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def shy(releases: Releases, version: int, folder: Path) -> int:
    """Register the same version again, with a threshold that hands almost everything over."""
    first = releases.get(version)
    shutil.copytree(first.path, folder)
    thresholds = json.loads((folder / "thresholds.json").read_bytes())
    thresholds["confidence"]["threshold"] = 1.0
    (folder / "thresholds.json").write_text(json.dumps(thresholds))
    metrics = {**first.metrics, "coverage": 0.0}
    sealed = write_manifest(folder)
    return releases.register(folder, sealed, verdict={"promote": False}, metrics=metrics, reason="test").version


def test_versions_are_compared_and_exported(
    train: Callable[..., Any], tiny_project: Path, releases: Releases, settings: Settings, tmp_path: Path
) -> None:
    train()
    second = shy(releases, 1, tmp_path / "shy")

    compared = json.loads(run(tiny_project, "compare", "1", str(second), "--json").stdout)
    changes = [row["change"] for row in compared["answers"]]
    assert compared["asked"] == len(changes) > 5
    assert compared["differ"] == changes.count("now handed over") > 0  # it changed in nothing else
    assert set(changes[: compared["differ"]]) == {"now handed over"}, "differences come first"
    assert compared["here"]["answered"]["b"] == 0 < compared["here"]["answered"]["a"]
    assert {"score": "coverage", "a": 0.0, "b": 0.0, "delta": 0.0}.keys() == compared["scores"][0].keys()
    said = run(tiny_project, "compare", "1", str(second)).stdout
    assert "now handed over" in said and "intent right: v1" in said

    asked = tmp_path / "asked.txt"
    asked.write_text("Hello!\nHow long is the warranty on the stove?\n")
    few = json.loads(run(tiny_project, "compare", "1", "1", "--questions", str(asked), "--json").stdout)
    assert (few["asked"], few["differ"]) == (2, 0)

    known = json.loads((releases.get(1).path / "index" / "entries.json").read_bytes())[0]
    why = json.loads(run(tiny_project, "explain", known["question"], "--source", known["source"], "--json").stdout)
    assert why["entries"][0]["id"] == known["id"] and {row["source"] for row in why["entries"]} == {known["source"]}
    assert (why["sure"] >= why["sure_from"]) == (why["kind"] in ("generate", "retrieve"))
    assert set(why["signals"]) == set(why["weights"])
    assert known["question"] in run(tiny_project, "explain", known["question"]).stdout
    for refused in (("hm", "--source", "elsewhere"), ("hm", "--language", "xx"), (" ",), ("hm", "--version", "99")):
        assert run(tiny_project, "explain", *refused).exit_code == 2, refused

    drafts = tmp_path / "drafts.jsonl"
    missing = json.loads(run(tiny_project, "gaps", "--drafts", str(drafts), "--json").stdout)
    assert missing["unanswered"] <= missing["read"] and len(drafts.read_text().splitlines()) == len(missing["gaps"])
    assert run(tiny_project, "gaps", "--drafts", str(drafts)).exit_code == 2  # somebody may have edited it

    out = tmp_path / "out"
    assert run(tiny_project, "export", "1", str(out), "--json").exit_code == 0
    assert run(tiny_project, "export", "1", str(out)).exit_code == 2  # not over what is there
    assert "AutoModelForCausalLM" in (out / "README.md").read_text() and (out / "data-card.html").is_file()
    assert python(LOADS_WITHOUT_PICKLE, str(out), folder=tmp_path) == "smalltalk"
    assert python(TRANSFORMERS_ALONE, folder=out) == "1"

    for name in ("generator/model.safetensors", "index/entries.json", "thresholds.json"):
        flipped(out / name)
        with pytest.raises(CorruptBundle, match=name.rpartition("/")[2]):
            Bot.load(out, settings)
        flipped(out / name)
    Bot.load(out, settings).close()


def flipped(path: Path) -> None:
    """Change one bit in the middle of a file; done twice, nothing has changed."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
