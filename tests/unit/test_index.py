"""Search: the right entry first, past questions help, scores mean the same everywhere, round trips hold."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix

from deskloop.bench import retrieval as bench
from deskloop.errors import BadInput
from deskloop.features import fusion, signals
from deskloop.features.index import SearchIndex
from deskloop.features.tiny import TinyEncoder
from deskloop.records import KnowledgeEntry
from deskloop.settings import Settings

ENTRIES = [
    KnowledgeEntry(id=name, question=question, answer=answer, source="faq", url=f"https://shop.example/{name}")
    for name, question, answer in [
        ("returns", "How long may I return an item?", "You have 30 days from delivery."),
        ("shipping", "How long does shipping take?", "Two to four working days within the country."),
        ("payment", "Which payment methods do you accept?", "Card, invoice and gift cards."),
        ("sizes", "How do I find my size?", "Each product page has a size table."),
    ]
]
EXAMPLES = {"returns": ["want to send it back", "it does not fit, send back"], "sizes": ["runs small or large?"]}


@pytest.fixture(scope="module")
def encoder():
    return TinyEncoder()


@pytest.fixture(scope="module")
def index(encoder):
    return SearchIndex.build(ENTRIES, encoder)


def test_the_entry_that_answers_comes_first_with_its_text_and_link(index):
    best = index.search("how long will the shipping take", 2)
    assert [best[0].id, len(best)] == ["shipping", 2]
    assert best[0].answer.startswith("Two to four")
    assert best[0].url == "https://shop.example/shipping"


def test_past_questions_lead_to_the_entry_that_answered_them(index, encoder):
    taught = SearchIndex.build(ENTRIES, encoder, EXAMPLES)
    question = "can I send this back to you"
    assert taught.search(question)[0].id == "returns"
    assert taught.search(question)[0].score > index.search(question)[0].score


def test_an_entry_is_found_by_its_answer_where_no_past_questions_are_known(encoder):
    entries = [ENTRIES[0].model_copy(update={"id": f"{i}", "answer": a}) for i, a in enumerate(["thirty days", "no"])]
    best = SearchIndex.build(entries, encoder).search("thirty days", 2)
    assert best[0].id == "0" and best[0].score > 1.3 * best[1].score


def test_pieces_of_most_entries_are_left_out_of_many_and_kept_of_few():
    rows = csr_matrix(np.array([[1.0] * 1200, [1.0] + [0.0] * 1199]))
    assert signals.telling(rows[:, :900].tocsr()).nnz == 901
    assert signals.telling(rows).nnz == 1


def test_scores_fall_from_best_to_worst_within_zero_and_one(index):
    scores = [source.score for source in index.search("payment by gift card", 4)]
    assert scores == sorted(scores, reverse=True)
    assert 0 <= scores[-1] < scores[0] <= 1


def test_a_strange_question_scores_below_a_known_one(index):
    assert index.search("zebra quagga okapi")[0].score < 0.5 * index.search("find my size")[0].score


def test_asking_for_more_than_there_is_gives_all(index):
    assert len(index.search("size", 50)) == len(ENTRIES)


def test_many_at_once_equal_one_by_one(index):
    queries = ["shipping", "return an item", "", "size table"] * 30
    together = index.search_many(queries, 3)
    alone = [index.search(query, 3) for query in queries]
    assert [[s.id for s in hits] for hits in together] == [[s.id for s in hits] for hits in alone]


@pytest.mark.parametrize("examples", [None, EXAMPLES])
def test_a_saved_index_finds_the_same(encoder, examples, tmp_path):
    built = SearchIndex.build(ENTRIES, encoder, examples)
    built.save(tmp_path)
    loaded = SearchIndex.load(tmp_path, encoder)
    assert loaded.search("how do I send it back", 4) == built.search("how do I send it back", 4)


def test_weights_move_to_the_signal_that_finds_the_gold_entry():
    rng = np.random.default_rng(1)
    signals = rng.uniform(0, 1, (200, 30, len(fusion.SIGNALS))).astype(np.float32)
    gold = signals[:, :, 2].argmax(axis=1)
    learnt = fusion.learn([fusion.candidates(signals, gold, fusion.PLAIN)], fusion.PLAIN)
    assert learnt.argmax() == 2
    assert learnt[2] > 0.7 > fusion.PLAIN[2]
    assert learnt.sum() == pytest.approx(1)


def test_few_questions_leave_the_default_weights(index):
    tuned = index.tuned([("how long does shipping take", "shipping")] * 5)
    assert np.array_equal(tuned.weights, index.weights)


def test_tables_of_the_pipeline_become_an_index_that_has_not_read_the_test_split(encoder):
    knowledge = pd.DataFrame([e.model_dump(mode="json") for e in ENTRIES])
    messages = pd.DataFrame(
        [
            {"text": "want to send it back", "knowledge_id": "returns", "split": "train"},
            {"text": "blue moon", "knowledge_id": "sizes", "split": "test"},
            {"text": "hello", "knowledge_id": None, "split": "train"},
        ]
    )
    index = SearchIndex.from_frames(knowledge, messages, encoder)
    assert index.search("want to send it back")[0].id == "returns"
    assert "moon" not in index.matcher.bm25.vocabulary


def test_an_empty_knowledge_base_is_refused(encoder):
    with pytest.raises(BadInput, match="knowledge base is empty"):
        SearchIndex.build([], encoder)


def test_bench_puts_bm25_beside_the_index(encoder):
    told = bench.compare(ENTRIES, [(entry.question, entry.id) for entry in ENTRIES], encoder)
    assert told["recall_at_1"] == told["bm25"]["recall_at_1"] == 1.0
    assert {"recall_at_5", "mrr", "p50_ms", "p99_ms"} <= set(told) & set(told["bm25"])


def test_bench_refuses_queries_whose_entry_is_not_there(tmp_path):
    knowledge, queries = tmp_path / "knowledge.jsonl", tmp_path / "queries.jsonl"
    knowledge.write_text(json.dumps({"id": "a", "question": "q", "answer": "a"}))
    queries.write_text(json.dumps({"query": "q", "id": "b"}))
    with pytest.raises(BadInput, match="lacks: b"):
        bench.run(knowledge, queries, Settings())


def test_a_question_is_answered_from_entries_of_its_language_and_of_the_source_asked_for(encoder):
    dutch = [
        ("retour", "Hoe lang mag ik een artikel retourneren?"),
        ("bezorging", "Hoe lang duurt de shipping?"),
        ("betalen", "Hoe kan ik betalen?"),
    ]
    more = [KnowledgeEntry(id=i, question=q, answer=q, source="nl-site", language="nl") for i, q in dutch]
    both = SearchIndex.build([*(e.model_copy(update={"language": "en"}) for e in ENTRIES), *more], encoder)
    asked = "how long does shipping take"
    assert both.search(asked)[0].id == "shipping"
    assert both.search(asked, 9, language="nl")[0].id == "bezorging"
    assert {s.id for s in both.search(asked, 9, language="nl")} == {name for name, _ in dutch}
    assert len(both.search(asked, 9, language="de")) == 7  # nothing is in German: everything may be found
    assert {s.id for s in both.search(asked, 9, source="nl-site")} == {name for name, _ in dutch}
    assert both.search(asked, 9, language="en", source="nl-site") == []
    found = both.search_many([asked, asked], 1, languages=["en", "nl"])
    assert [hits[0].id for hits in found] == ["shipping", "bezorging"]


def test_one_entry_taken_for_another_language_hides_nothing(encoder):
    odd = [ENTRIES[0].model_copy(update={"language": "nl"}), *ENTRIES[1:]]
    assert len(SearchIndex.build(odd, encoder).search("retour", 9, language="nl")) == len(odd)
