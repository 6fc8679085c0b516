"""A new champion goes live without a restart, a dropped request, or a bot closed under an answer."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from deskloop.database import connect
from deskloop.releases import Releases


def test_without_a_champion_the_server_runs_and_says_so(start, ask):
    server = start(champion=False)
    with server.client() as http:
        assert http.get("/healthz").status_code == 200
        ready = http.get("/readyz")
        assert ready.status_code == 503 and "no champion yet" in ready.json()["reason"]
        assert http.get("/v1/models").json()["data"] == []
        refused = ask(http, "refund?")
        assert refused.status_code == 503 and refused.headers["Retry-After"]
        assert http.get("/").status_code == 200
        server.deploy()
        server.until(lambda s: s["version"] == 1)
        assert ask(http, "refund?").status_code == 200
        assert http.get("/v1/models").json()["data"][0]["id"] == "deskloop-v1"


def test_under_load_every_request_is_answered_by_one_version_through_three_swaps(start, ask):
    server = start(rate_per_minute=100_000)
    done = threading.Event()
    answers: list[tuple[int, str, int]] = []

    def customer() -> None:
        with server.client() as http:
            while not done.is_set():
                response = ask(http, "delivery?")
                body = response.json()
                text = body["choices"][0]["message"]["content"] if response.is_success else response.text
                version = body["deskloop"]["version"] if response.is_success else 0
                answers.append((response.status_code, text, version))

    with ThreadPoolExecutor(6) as pool:
        running = [pool.submit(customer) for _ in range(6)]
        try:
            for version in (1, 2, 3, 4):
                if version > 1:
                    server.deploy({"delivery": f"Delivery, says version {version}."})
                server.until(lambda s, v=version: s["version"] == v)
                seen = len(answers)
                while len(answers) < seen + 30 and not any(r.done() for r in running):
                    done.wait(0.01)
        finally:
            done.set()
    for r in running:
        r.result()
    assert {status for status, *_ in answers} == {200}
    assert {version for *_, version in answers} == {1, 2, 3, 4}
    assert all(text == f"Delivery, says version {v}." for _, text, v in answers if v > 1)
    assert [bot.closed for bot in server.bots] == [True, True, True, False]


def test_an_answer_under_way_is_finished_by_the_version_that_began_it(start):
    gate = threading.Event()
    server = start(gate=gate)
    request = {"stream": True, "messages": [{"role": "user", "content": "delivery?"}]}
    with server.client() as http, http.stream("POST", "/v1/chat/completions", json=request) as response:
        server.deploy()
        server.until(lambda s: s["version"] == 2)
        assert not server.bots[0].closed
        gate.set()
        assert '"version": 1' in response.read().decode()
    server.until(lambda _: server.bots[0].closed)


def test_a_corrupt_bundle_leaves_the_old_version_serving_and_is_named(start, ask):
    server = start()
    server.deploy(corrupt=True)
    state = server.until(lambda s: bool(s["problem"]))
    assert state["version"] == 1 and "version 2 cannot be loaded" in state["problem"]
    assert "version 1 keeps serving" in state["problem"]
    with server.client() as http:
        assert ask(http, "refund?").json()["deskloop"]["version"] == 1
    server.deploy({"refund": "Mended."})
    assert server.until(lambda s: s["version"] == 3)["problem"] is None


def test_a_rollback_and_a_withdrawal_go_live_too(start):
    server = start()
    server.deploy()
    server.until(lambda s: s["version"] == 2)
    releases = Releases(connect(server.settings.database))
    releases.rollback("worse on returns")
    server.until(lambda s: s["version"] == 1)
    releases.withdraw(1, "smoke test failed")
    assert server.until(lambda s: s["version"] is None)["status"] == "not ready"


def test_serving_imports_neither_the_scheduler_nor_the_training_libraries():
    code = (
        "import sys, deskloop.web.app, deskloop.bot, deskloop.generator.engines, ctranslate2\n"
        "heavy = {'prefect', 'tasks', 'flows', 'deployments', 'torch', 'transformers', 'mlflow', 'evidently'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"
