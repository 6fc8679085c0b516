"""The retail example reads the public data as it lies: every row is accepted or set aside with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.origins import AnySource, FilesSource
from deskloop.settings import load

CONFIG = Path(__file__).parents[2] / "examples" / "retail" / "deskloop.yaml"
NAMES = ("chats", "policies", "store-policy", "emails-crisp", "emails-talon", "emails-zapier")
SOME = 50


def test_without_the_data_folder_the_config_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DESKLOOP_PUBLIC_DATA", raising=False)
    with pytest.raises(BadInput, match="DESKLOOP_PUBLIC_DATA"):
        load(CONFIG)


@pytest.mark.public_data
@pytest.mark.parametrize("name", NAMES)
def test_each_source_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not os.environ.get("DESKLOOP_PUBLIC_DATA"):
        pytest.skip("DESKLOOP_PUBLIC_DATA does not name the public data folder")
    monkeypatch.setenv("DESKLOOP_HOME", str(tmp_path))
    settings = load(CONFIG)
    assert [s.name for s in settings.sources] == list(NAMES)
    batch = sources.read(_some(settings.sources[NAMES.index(name)]), settings)
    accepted = len(batch.conversations) + len(batch.knowledge)
    assert 0 < batch.read <= SOME
    assert accepted + len(batch.quarantined) == batch.read
    assert accepted > 0.9 * batch.read


def _some(source: AnySource) -> FilesSource:
    assert isinstance(source, FilesSource)
    return source.model_copy(update={"limit": SOME})
