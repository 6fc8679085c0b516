"""A version as a folder for elsewhere: the sealed bundle, and how to use it written into its README.

The generator loads with plain transformers, the whole with `Bot.load`, which checks every file against the
manifest. Nothing in it is pickled: JSON, safetensors, npy without objects, and CTranslate2's own format.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from deskloop.bundle import link_tree
from deskloop.errors import BadInput
from deskloop.releases import Release
from deskloop.store import MANIFEST, verify_manifest, write_manifest

USE = """
## Use

The generator alone, with transformers and nothing of Deskloop:

```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("generator")
tokenizer = AutoTokenizer.from_pretrained("generator")
```

The whole bot, every file checked against `manifest.json` first:

```python
from pathlib import Path

from deskloop.bot import Bot
from deskloop.settings import Settings

bot = Bot.load(Path("."), Settings())
print(bot.answer([{"role": "user", "content": "How long does delivery take?"}]).text)
```
"""


def export(release: Release, folder: Path) -> dict[str, Any]:
    """Write the version's bundle into `folder`, which must be new or empty.

    Raises BadInput for a retired version (it saw somebody who asked to be erased) and CorruptBundle for a changed
    one; then nothing is left behind.
    """
    if release.retired:
        raise BadInput(
            f"version {release.version} is retired: it saw somebody who asked to be erased; choose another"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise BadInput(f"{folder} is not empty; name a new folder")
    manifest = verify_manifest(release.path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        link_tree(release.path, aside, link=False)
        card = aside / "README.md"
        card.write_text((card.read_text("utf-8") if card.is_file() else "# Support bot\n") + USE, "utf-8")
        facts = {"kind": manifest.get("kind"), "exported_from": release.sha256, "version": release.version}
        sealed = write_manifest(aside, **facts)
        if folder.exists():
            folder.rmdir()
        aside.replace(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return {
        "folder": str(folder), "version": release.version, "sha256": sealed,
        "files": len(manifest["files"]), "megabytes": round(size / 1e6, 1), "generator": str(folder / "generator"),
        "manifest": str(folder / MANIFEST),
    }  # fmt: skip
