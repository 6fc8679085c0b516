"""The sample shop Larkfell Outdoor: its raw sources, how they are made, and how its customers are played."""

from __future__ import annotations

from pathlib import Path

# The last three months of every source, less a little: nothing earlier may be in the test.
TEST_SHARE = 0.31


def write_project(folder: Path, port: int, models: Path | None = None) -> Path:
    """Make a project of the sample shop in `folder`, its site to be served from `folder`/site on `port`.

    `models` is where fetched models lie, the project's own home if None. A project that is there already is
    left as it is, with whatever was changed in it. Returns the path of its configuration.
    """
    from deskloop.demo.project import copy_raw
    from deskloop.store import write_atomic

    config = folder / "deskloop.yaml"
    if not config.exists():
        copy_raw(folder, f"http://127.0.0.1:{port}")
        # Last, so that its existence means that all sources lie there.
        write_atomic(config, configuration(port, models).encode())
    return config


def configuration(port: int, models: Path | None = None) -> str:
    """The project's configuration as YAML."""
    import json

    template = (Path(__file__).parent / "project.yaml").read_text("utf-8")
    shared = f"models: {json.dumps(str(models.resolve()))}\n" if models else ""
    return template.format(port=port, models=shared, test_share=TEST_SHARE)
