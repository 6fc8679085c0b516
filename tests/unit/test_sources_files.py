"""Files of every shape become records, and whatever is broken is set aside row by row."""

import gzip
import json

import pandas as pd
import pytest

from deskloop import sources
from deskloop.errors import BadInput
from deskloop.origins import FilesSource
from deskloop.settings import Settings
from deskloop.sources.files import rows


@pytest.fixture
def settings(tmp_path):
    return Settings(home=tmp_path / "home")


def source(path, content="conversations", **more):
    return FilesSource(kind="files", name="old", path=path, content=content, **more)


def adds_up(batch):
    return batch.read == len(batch.conversations) + len(batch.knowledge) + len(batch.quarantined)


def test_conversations_from_json_lines(tmp_path, settings):
    path = tmp_path / "chats.jsonl"
    turns = [{"role": "customer", "text": "Where is it?"}, {"role": "agent", "text": "On its way."}]
    broken = ["{not json", "[1]", '{"turns": [{"role": "martian", "text": "x"}]}', '{"turns": []}']
    path.write_text("\n".join([json.dumps({"id": "a", "turns": turns, "customer": "A@x.nl"}), *broken]))
    batch = sources.read(source(path), settings)
    assert [t.role for t in batch.conversations[0].turns] == ["customer", "agent"]
    assert batch.conversations[0].customer not in (None, "a@x.nl")
    assert [q.locator for q in batch.quarantined] == [f"chats.jsonl:{n}" for n in (2, 3, 4, 5)]
    assert adds_up(batch)


def test_one_turn_per_row_is_grouped(tmp_path, settings):
    path = tmp_path / "turns.csv"
    path.write_text(
        "conversation_id;role;text\n7;customer;Hello, is it warm?\n7;agent;Yes\n8;customer;Where is it?\n"
    )
    batch = sources.read(source(path), settings)
    assert [(c.id, len(c.turns)) for c in batch.conversations] == [("7", 2), ("8", 1)]


def test_sharegpt_and_chatml_lose_their_system_prompt(tmp_path, settings):
    path = tmp_path / "chat.jsonl"
    lines = [
        {"messages": [{"role": "system", "content": "Be kind"}, {"role": "user", "content": "Hi there"}]},
        {"conversations": [{"from": "human", "value": "Hi you"}, {"from": "gpt", "value": "Hello"}]},
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    batch = sources.read(source(path, "chat"), settings)
    assert [[t.role for t in c.turns] for c in batch.conversations] == [["customer"], ["customer", "agent"]]


def test_columns_are_mapped_and_constants_taken(tmp_path, settings):
    path = tmp_path / "mails.parquet"
    pd.DataFrame({"body": ["Help me please", None], "label": ["help", None]}).to_parquet(path)
    columns = {"text": "body", "intent": "label", "channel": "=email"}
    batch = sources.read(source(path, "messages", columns=columns), settings)
    assert (batch.conversations[0].channel, batch.conversations[0].intent) == ("email", "help")
    assert [q.reason for q in batch.quarantined] == ["empty text"]


def test_knowledge_and_its_gaps(tmp_path, settings):
    path = tmp_path / "faq.tsv"
    path.write_text("question\tanswer\turl\nHow long?\t30 days\thttps://x.example/r#w\nHow?\t\t\nragged\n")
    batch = sources.read(source(path, "knowledge"), settings)
    assert batch.knowledge[0].url == "https://x.example/r#w"
    assert len(batch.quarantined) == 2
    assert adds_up(batch)


def test_rasa_examples_lose_their_entity_marks(tmp_path, settings):
    path = tmp_path / "nlu.yml"
    path.write_text(
        'version: "3.1"\nnlu:\n- intent: greet\n  examples: |\n    - hi [Anna](name)\n    - hey\n'
        "- synonym: x\n  examples: |\n    - y\n"
    )
    batch = sources.read(source(path, "rasa_nlu"), settings)
    assert [(c.turns[0].text, c.intent) for c in batch.conversations] == [("hi Anna", "greet"), ("hey", "greet")]


def test_a_truncated_gzip_gives_what_can_be_read(tmp_path, settings):
    lines = "".join(json.dumps({"text": f"Question number {i} about tents"}) + "\n" for i in range(3000))
    packed = gzip.compress(lines.encode())
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    batch = sources.read(source(path, "messages"), settings)
    assert len(batch.conversations) > 500
    assert "cut off" in batch.quarantined[-1].reason
    assert adds_up(batch)


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("empty.jsonl", b"", "empty"),
        ("x.exe", b"MZ", "cannot read this kind of file"),
        ("bad.parquet", b"PAR1 no", "not readable Parquet"),
        ("old.doc", b"a: [", "cannot read"),
    ],
)
def test_files_as_a_whole_are_refused_in_one_line(tmp_path, settings, name, data, says):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(BadInput, match=says) as error:
        sources.read(source(path), settings)
    assert "\n" not in str(error.value)


def test_a_batch_reads_back_equal(tmp_path, settings):
    path = tmp_path / "chats.jsonl"
    turn = {"role": "customer", "text": "line\u2028end\nnext \ud83d\ude00", "at": "2025-01-01"}
    path.write_text(json.dumps({"turns": [turn]}) + "\nbroken")
    batch = sources.read(source(path), settings)
    assert batch.save(tmp_path) == 2
    assert (tmp_path / "conversations.jsonl").stat().st_mode & 0o777 == 0o600
    assert sources.Batch.load(tmp_path) == batch


def test_a_missing_file_is_named(tmp_path, settings):
    for ask in (sources.read, sources.fingerprint):
        with pytest.raises(BadInput, match="does not exist"):
            ask(source(tmp_path / "nowhere.jsonl"), settings)


def test_the_fingerprint_follows_the_content(tmp_path, settings):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "one two"}\n')
    first = sources.fingerprint(source(path, "messages"), settings)
    assert first == sources.fingerprint(source(path, "messages"), settings)
    path.write_text('{"text": "one three"}\n')
    assert first != sources.fingerprint(source(path, "messages"), settings)


def test_strict_rows_name_the_broken_line(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n\n{"a": \n')
    with pytest.raises(BadInput, match=r"a\.jsonl:3"):
        rows(path)


def test_rows_read_gzip_whatever_the_name(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(gzip.compress(b'{"a": 1}\n'))
    assert rows(path) == [{"a": 1}]


LACKS = [
    ("messages", {}, "text"),
    ("messages", {"text": "bodi"}, "bodi"),
    ("knowledge", {"question": "body"}, "answer"),
    ("conversations", {}, "turns or messages or conversations or text"),
]


@pytest.mark.parametrize(("content", "columns", "lacks"), LACKS)
def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path, settings, content, columns, lacks):
    path = tmp_path / "mails.csv"
    path.write_text("body,label\nWhere is it?,track\n")
    batch = sources.read(source(path, content, columns=columns), settings)
    assert [q.reason for q in batch.quarantined] == [f"no column {lacks}, it has body, label; set `columns`"]
