"""The compose file and the image, as far as they can be checked without a Docker engine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCUMENTED = set(re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text("utf-8"), re.M))
MAY_BE_EMPTY = {"DESKLOOP_TAG", "DESKLOOP_SERVE__API_KEY", "CHATWOOT_BOT_TOKEN", "CHATWOOT_HOOK"}


def test_every_variable_is_documented_and_required_unless_it_may_be_empty() -> None:
    used = set(re.findall(r"\$\{(\w+)(:[?-])?", TEXT))
    assert {name for name, _ in used} == DOCUMENTED
    assert {name for name, mark in used if mark != ":?"} == MAY_BE_EMPTY


def test_no_secret_has_a_default_or_is_written_down() -> None:
    secret = re.compile(r"PASSWORD|AUTH_STRING|TOKEN|API_KEY")
    given = {k: v for s in SERVICES.values() for k, v in s.get("environment", {}).items() if secret.search(k)}
    assert len(given) >= 5
    assert all(re.fullmatch(r"\$\{\w+(:\?[^}]*|:-)\}", v) for v in given.values()), given
    passwords = re.findall(r"//\w+:([^@\n]*)@", TEXT)
    assert passwords and all(p.startswith("${POSTGRES_PASSWORD:?") for p in passwords)
    assert not re.findall(r"^\w+=(?!\./project$).+", (ROOT / ".env.example").read_text("utf-8"), re.M)


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_watched_restarted_and_published_on_loopback_at_most(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] == "CMD"
    assert service["restart"] == "unless-stopped"
    assert "no-new-privileges:true" in service["security_opt"]
    assert all(str(port).startswith("127.0.0.1:") for port in service.get("ports", []))
    assert not {"privileged", "network_mode", "pid", "cap_add"} & set(service)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_after_healthy_ones_that_exist_on_a_network_they_share(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how == {"condition": "service_healthy"}
        assert set(SERVICES[name]["networks"]) & set(SERVICES[other]["networks"])
    assert set(SERVICES[name]["networks"]) <= set(COMPOSE["networks"])


def test_only_declared_volumes_are_mounted_and_the_database_is_inside_only() -> None:
    mounted = {v.partition(":")[0] for s in SERVICES.values() for v in s.get("volumes", [])}
    assert {m for m in mounted if not m.startswith("$")} == set(COMPOSE["volumes"])
    assert SERVICES["postgres"]["networks"] == ["inside"] and COMPOSE["networks"]["inside"]["internal"]
    assert "ports" not in SERVICES["postgres"]


def test_the_worker_writes_bundles_where_the_api_reads_them() -> None:
    worker, api = SERVICES["worker"], SERVICES["api"]
    assert worker["volumes"] == api["volumes"]
    assert image_environment()["DESKLOOP_HOME"].startswith("/data/")
    for name in ("DESKLOOP_DATABASE_URL", "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
        assert worker["environment"][name] == api["environment"][name]


def test_what_the_image_writes_lies_on_its_volume_or_in_tmp() -> None:
    assert all(s["read_only"] and s["tmpfs"] == ["/tmp"] for s in SERVICES.values() if "build" in s)
    env = image_environment()
    for name in ("DESKLOOP_HOME", "PREFECT_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME"):
        assert env[name].startswith(("/data/", "/tmp/"))


def test_every_file_that_the_image_copies_is_in_the_build_context() -> None:
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    for needed in ("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "deployments/prefect.yaml"):
        assert (ROOT / needed).is_file()
        assert needed.partition("/")[0] not in ignored


def image_environment() -> dict[str, str]:
    """Variables that the Dockerfile's last stage sets."""
    text = (ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    line = next(line for line in reversed(text.splitlines()) if line.startswith("ENV "))
    return dict(pair.split("=", 1) for pair in line.split()[1:])
