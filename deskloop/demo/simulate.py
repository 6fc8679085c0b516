"""Plays the after period: customers who ask about a strike and an e-bike, and a desk that replies and reviews.

Speaks to the public HTTP API alone, so that what it shows is what any shop's customers would cause.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

import httpx

from deskloop.demo.project import RAW, publish_after
from deskloop.errors import BadInput

__all__ = ["Played", "publish_after", "script", "simulate"]

_TRIES = 6
_EVERY = 25
_TIMEOUT = httpx.Timeout(120.0, connect=5.0)


@dataclass
class Played:
    """What was played."""

    conversations: int = 0
    messages: int = 0
    handed_over: int = 0
    reviews: int = 0
    seconds: float = 0.0


def script() -> list[dict[str, Any]]:
    """The after period in its order: rows of messages, intent, reply, article_url."""
    return [json.loads(line) for line in (RAW / "after.jsonl").read_text("utf-8").splitlines()]


def simulate(
    base_url: str,
    desk_token: str | None,
    rows: Sequence[dict[str, Any]] | None = None,
    rate: float = 4.0,
    progress: Callable[[str], None] = print,
    workers: int = 4,
) -> dict[str, Any]:
    """Play `rows` (the whole script if None), starting `rate` conversations per second.

    With a desk token, the desk then replies to who was handed over, and reviews each row. Raises BadInput if the API
    does not answer or refuses. Returns the counts of `Played`.
    """
    rows = script() if rows is None else list(rows)
    played = Played()
    began = time.monotonic()
    run = uuid.uuid4().hex[:8]
    with (
        httpx.Client(base_url=base_url, timeout=_TIMEOUT, trust_env=False) as http,
        ThreadPoolExecutor(workers) as pool,
    ):
        running: set[Future[Played]] = set()
        for number, row in enumerate(rows):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            running.add(pool.submit(_play, http, desk_token, row, f"after-{run}-{number:04d}"))
            done = {future for future in running if future.done()}
            running -= done
            _count(played, done, len(rows), progress)
        for future in as_completed(running):
            _count(played, {future}, len(rows), progress)
    played.seconds = round(time.monotonic() - began, 1)
    return asdict(played)


def _play(http: httpx.Client, token: str | None, row: dict[str, Any], conversation: str) -> Played:
    """One conversation: each customer message in turn, then the desk's reply to who waits and its review."""
    said: list[dict[str, str]] = []
    answers = []
    for text in row["messages"]:
        said.append({"role": "user", "content": text})
        answer = _post(http, "/v1/chat/completions", {"messages": said}, {"X-Conversation-Id": conversation})
        said.append({"role": "assistant", "content": answer["choices"][0]["message"]["content"]})
        answers.append(answer["deskloop"])
    handed = sum(a.get("kind") == "handoff" for a in answers)
    reviewed = bool(token)
    if token:
        desk = {"Authorization": f"Bearer {token}"}
        if handed:
            _post(http, f"/v1/conversations/{conversation}/reply", {"text": row["reply"]}, desk)
            _post(http, f"/v1/conversations/{conversation}/leave", {"closed": True}, desk)
        _review(http, desk, row, answers[0]["customer_message_id"])
    return Played(1, len(answers), handed, int(reviewed))


def _review(http: httpx.Client, desk: dict[str, str], row: dict[str, Any], message_id: str) -> None:
    review = {
        "message_id": message_id,
        "intent": row["intent"],
        "reply": row["reply"],
        "knowledge_url": row["article_url"],
    }
    _post(http, "/v1/reviews", review, desk)


def _post(http: httpx.Client, path: str, body: dict[str, Any], headers: dict[str, str]) -> dict[str, Any]:
    """Answer of the API; waits where it is busy, as a polite client does."""
    for attempt in range(_TRIES):
        try:
            answer = http.post(path, json=body, headers=headers)
        except httpx.TransportError as error:
            raise BadInput(
                f"{http.base_url} does not answer ({error}); start `deskloop up` or `deskloop serve`"
            ) from None
        if answer.status_code not in (429, 503) or attempt == _TRIES - 1:
            break
        time.sleep(_pause(answer, attempt))
    if answer.is_error:
        raise BadInput(f"{path} answered {answer.status_code}: {answer.text[:200]}")
    return dict(answer.json()) if answer.content else {}


def _pause(answer: httpx.Response, attempt: int) -> float:
    """Seconds to wait: what the API asks for, or longer each time."""
    asked = answer.headers.get("Retry-After", "")
    return min(float(asked), 30.0) if asked.isdigit() else min(0.5 * 2**attempt, 10.0)


def _count(played: Played, done: set[Future[Played]], total: int, progress: Callable[[str], None]) -> None:
    """Add up finished conversations; the first that failed raises here, so that the play stops."""
    for future in done:
        one = future.result()
        played.conversations += one.conversations
        played.messages += one.messages
        played.handed_over += one.handed_over
        played.reviews += one.reviews
        if played.conversations % _EVERY == 0 or played.conversations == total:
            progress(_told(played, total))


def _told(played: Played, total: int) -> str:
    return (
        f"{played.conversations} of {total} conversations, {played.messages} messages, "
        f"{played.handed_over} handed over, {played.reviews} reviewed"
    )
