"""`deskloop run` on bad input, in a process of its own beside the Prefect server of these tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture
def deskloop(tiny_project: Path) -> Any:
    """Run `deskloop COMMAND` on the tiny shop, whose configuration `changed` replaces in part."""
    from prefect.settings import PREFECT_API_URL

    def run(*arguments: str, **changed: Any) -> subprocess.CompletedProcess[str]:
        path = tiny_project / "deskloop.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text("utf-8")) | changed), "utf-8")
        env = {
            **os.environ, "PREFECT_API_URL": str(PREFECT_API_URL.value()), "DESKLOOP_RETRY_SECONDS": "0.01",
            "DESKLOOP_CONFIG": str(path), "PREFECT_HOME": str(tiny_project / "prefect"),
        }  # fmt: skip
        return subprocess.run(
            [sys.executable, "-m", "deskloop.cli", *arguments],
            env=env, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    return run


def line(done: subprocess.CompletedProcess[str]) -> str:
    """The line that it ended with."""
    assert (done.returncode, done.stdout) == (2, ""), (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr.rstrip("\n").splitlines()[-1]


def test_a_site_that_cannot_be_reached_is_told_after_the_retries(deskloop: Any, tiny_project: Path) -> None:
    site = {"kind": "faq", "name": "faq", "url": "http://127.0.0.1:9/", "allow_private": True}
    done = deskloop("run", sources=[site])
    assert line(done).startswith("deskloop: source faq: http://127.0.0.1:9/robots.txt is not reachable: ")
    assert "Retry 3/3" in done.stderr and "Retries are exhausted" in done.stderr
    assert not list((tiny_project / "home" / "store").rglob("manifest.json"))


def test_a_full_disk_is_told_and_leaves_nothing_half_written(deskloop: Any, tiny_project: Path) -> None:
    disk = tiny_project / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", disk], check=False).returncode:
        pytest.skip("nothing may be mounted here")
    try:
        told = line(deskloop("run", home=str(disk)))
        assert "make room and run it again, nothing was half-written" in told
        assert not list(disk.rglob(".new-*"))
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
