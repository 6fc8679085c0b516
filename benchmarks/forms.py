"""Write the forms that `deskloop bench` reads out of the public data folder: `python benchmarks/forms.py OUT_DIR`.

The folder comes from DESKLOOP_PUBLIC_DATA; nothing of it is kept in this repository. Every choice made on the
way is stated at the function that makes it.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from shop import asked

Rows = Iterable[dict[str, Any]]
_HELD_OUT = 0.1
_MOST_CASES = 500
_FEW = 10


def main() -> None:
    """Write every form and say how many rows each has."""
    if len(sys.argv) != 2:
        sys.exit("usage: DESKLOOP_PUBLIC_DATA=... python benchmarks/forms.py OUT_DIR")
    folder = os.environ.get("DESKLOOP_PUBLIC_DATA")
    if not folder or not Path(folder).is_dir():
        sys.exit(f"DESKLOOP_PUBLIC_DATA must name the public data folder, got {folder!r}")
    out = Path(sys.argv[1])
    data = Path(folder)
    for form in (clinc, multidogo, small, retrieval, shop, emails, signatures, pii, answers, drift):
        for name, rows in form(data):
            print(f"{_write(out / f'{name}.jsonl', rows):7,} {name}.jsonl")


def clinc(data: Path) -> Iterator[tuple[str, Rows]]:
    """CLINC150, full: training rows without the out-of-scope ones (headline) and with; ten per intent; the test."""
    rows = list(_read(data / "clinc150" / "clinc150_full.jsonl.gz"))
    train = [_pick(r, "text", "intent") for r in rows if r["split"] == "train"]
    inside = [r for r in train if r["intent"] != "oos"]
    yield "intents_clinc150_train", inside
    yield "intents_clinc150_train_oos", train
    yield "intents_clinc150_train_10", _few(inside, _FEW)
    yield "intents_clinc150_validation", [_pick(r, "text", "intent") for r in rows if r["split"] == "val"]
    yield "intents_clinc150_test", [_pick(r, "text", "intent") for r in rows if r["split"] == "test"]


def multidogo(data: Path) -> Iterator[tuple[str, Rows]]:
    """MultiDoGO, sentence level. `previous` is what the customer said just before, in the same conversation.

    Rows with several labels take the first; `outofdomain` stays a class of its own, as in the reference figures.
    """
    for domain in ("airline", "media", "software"):
        rows = list(_read(data / "multidogo" / f"{domain}_sentence.jsonl.gz"))
        rows.sort(key=lambda r: (r["split"], r["conversation"], r["turn"], r["sentence"]))
        parts: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        before: dict[str, Any] = {}
        for row in rows:
            same = before.get("conversation") == row["conversation"]
            if row["intents"]:
                parts[row["split"]].append(
                    {"text": row["text"], "intent": row["intents"][0], "previous": before["text"] if same else ""}
                )
            before = row
        for split, found in sorted(parts.items()):
            yield f"intents_multidogo_{domain}_{split}", found


def small(data: Path) -> Iterator[tuple[str, Rows]]:
    """Sets on which nothing was chosen: ten messages per intent to learn from, all others the test.

    A help desk's 452 messages, and Bitext's, which are made from templates. What repeats, but for case, is left out.
    """
    for name, file in (("helpdesk", "helpdesk_nlu/helpdesk"), ("bitext", "bitext_support/bitext")):
        found = _read(data / f"{file}_intents.jsonl.gz")
        rows = list({r["text"].lower(): _pick(r, "text", "intent") for r in found}.values())
        learnt = _few(rows, _FEW)
        yield f"intents_{name}_train_10", learnt
        yield f"intents_{name}_test", [row for row in rows if row not in learnt]


def retrieval(data: Path) -> Iterator[tuple[str, Rows]]:
    """DSTC9: an agent's response finds the snippet it rests on. An entry's question begins with its place's name.

    `named` queries are the responses that hold all words of their place's name, where no other place's name has
    the same words; only of those can it be known which place is meant. In `published` entries the place's name stands
    only where their authors wrote it.
    """
    snippets = list(_read(data / "faq_dstc9" / "dstc9_faq_snippets.jsonl.gz"))
    entries = {_snippet(s): s for s in snippets}
    yield (
        "retrieval_knowledge",
        [
            {"id": i, "question": " ".join(filter(None, [s["entity"], s["question"]])), "answer": s["answer"]}
            for i, s in entries.items()
        ],
    )
    yield (
        "retrieval_knowledge_published",
        [{"id": i, "question": s["question"], "answer": s["answer"]} for i, s in entries.items()],
    )
    places = {(s["domain"], s["entity_id"]): _name(s["entity"]) for s in snippets}
    owners = Counter(places.values())
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _read(data / "faq_dstc9" / "dstc9_responses.jsonl.gz"):
        gold = row.get("knowledge") or []
        if len(gold) != 1 or _snippet(gold[0]) not in entries:
            continue
        query = {"query": row["response"], "id": _snippet(gold[0])}
        found[f"queries_{row['split']}"].append(query)
        place = places[gold[0]["domain"], str(gold[0]["entity_id"])]
        if place and owners[place] == 1 and place <= _name(row["response"]):
            found[f"queries_named_{row['split']}"].append(query)
    for name, queries in sorted(found.items()):
        yield f"retrieval_{name}", queries


def shop(_: Path) -> Iterator[tuple[str, Rows]]:
    """The sample shop's FAQ, and the rewordings of its questions that were written by hand for measuring."""
    from deskloop.demo import faq

    known = [entry for entry in faq.entries() if not entry.after]
    rows = [{"id": e.slug, "question": e.question, "answer": e.answer} for e in known]
    yield "retrieval_shop_knowledge", rows
    names = {row["id"] for row in rows}
    found = [{"query": q, "id": s} for s, *some in asked("rewordings") if s in names for q in some]
    yield "retrieval_shop_queries", found


def emails(data: Path) -> Iterator[tuple[str, Rows]]:
    """Talon's plain (MIME) and HTML replies and crisp's first fragments, as their own tests assert them."""
    folder = data / "emails_crisp_zapier_talon"
    talon = [r for r in _read(folder / "emails_talon.jsonl.gz") if r["visible"]]
    yield "email_talon", [{"email": r["email"], "reply": r["visible"]} for r in talon if r["raw_mime"]]
    yield "email_talon_html", [{"email": r["email"], "reply": r["visible"]} for r in talon if not r["raw_mime"]]
    crisp = [r for r in _read(folder / "emails_crisp.jsonl.gz") if r["first_fragment"]]
    yield "email_crisp", [{"email": r["email"], "reply": r["first_fragment"]} for r in crisp]


def signatures(data: Path) -> Iterator[tuple[str, Rows]]:
    """Forge: one mark per line."""
    rows = _read(data / "emails_forge" / "emails_forge.jsonl.gz")
    yield "signatures", [_pick(r, "email", "signature_line") for r in rows]


def pii(data: Path) -> Iterator[tuple[str, Rows]]:
    """Presidio's generated sentences."""
    rows = _read(data / "pii_presidio" / "presidio_generated_large.jsonl.gz")
    yield "pii", [{"text": r["text"], "spans": [_pick(s, "type", "start", "end") for s in r["spans"]]} for r in rows]


def answers(data: Path) -> Iterator[tuple[str, Rows]]:
    """CUCOM: the training dialogues' first exchanges are the knowledge, held-out dialogues are the cases.

    A dialogue is held out by the hash of its id. A case is the customer's first message and the agent's answer.
    """
    knowledge, train, cases = [], [], []
    for row in _read(data / "cucom_ecommerce" / "cucom_ecommerce.jsonl.gz"):
        turns = row["turns"]
        if [t["role"] for t in turns[:2]] != ["customer", "agent"]:
            continue
        asked, said = turns[0]["text"].strip(), turns[1]["text"].strip()
        if _share(row["id"]) < _HELD_OUT:
            cases.append({"messages": [{"role": "user", "content": asked}], "reply": said})
        else:
            knowledge.append({"id": row["id"], "question": asked, "answer": said})
            train.append({"messages": [{"role": _chat_role(t["role"]), "content": t["text"]} for t in turns]})
    yield "answers_knowledge", knowledge
    yield "answers_train", train
    yield "answers_cases", cases[:_MOST_CASES]


def drift(data: Path) -> Iterator[tuple[str, Rows]]:
    """MultiDoGO turns: the reference and the null are different conversations of one domain, the shift another's."""
    airline = list(_read(data / "multidogo" / "airline_turn.jsonl.gz"))
    yield "drift_reference", [_pick(r, "text") for r in airline if _share(r["conversation"]) < 0.5]
    yield "drift_null", [_pick(r, "text") for r in airline if _share(r["conversation"]) >= 0.5]
    media = _read(data / "multidogo" / "media_turn.jsonl.gz")
    yield "drift_shifted", [_pick(r, "text") for r in media]


def _read(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        for line in stream:
            yield json.loads(line)


def _write(path: Path, rows: Rows) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return len(lines)


def _pick(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: row[name] for name in names}


def _few(rows: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    """`count` rows per intent, chosen by the hash of their text."""
    seen: Counter[str] = Counter()
    kept = []
    for row in sorted(rows, key=lambda r: sha256(r["text"].encode()).digest()):
        seen[row["intent"]] += 1
        if seen[row["intent"]] <= count:
            kept.append(row)
    return kept


def _share(name: str) -> float:
    return int(sha256(name.encode()).hexdigest()[:8], 16) / 2**32


def _snippet(row: dict[str, Any]) -> str:
    return f"{row['domain']}/{row['entity_id']}/{row['doc_id']}"


def _name(text: str | None) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z0-9]+", (text or "").lower())) - {"the", "and", "a", "of"}


def _chat_role(role: str) -> str:
    return "user" if role == "customer" else "assistant"


if __name__ == "__main__":
    main()
