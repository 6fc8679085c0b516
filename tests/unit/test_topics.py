"""Topics of messages that nobody labelled: found, named, kept, renamed, and never taken for labels."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from deskloop import clusters, scorecard, topicnames, topics
from deskloop.configfile import told
from deskloop.plan import Plan
from deskloop.scorecard import Scorecard
from deskloop.settings import Intents, Settings

THEMES = {
    "refund": ("I want my money back for the {}", "When is the refund of the {} paid, I want my money back"),
    "delivery": ("When does the parcel with the {} arrive", "The courier lost my parcel with the {}"),
    "account": ("My password for the {} club does not work", "I cannot log in, new password for the {} please"),
    "warranty": ("The zip of the {} broke, is there warranty", "Does the warranty cover a broken {}"),
}
THINGS = "tent jacket stove boots lamp rope mug bag hat scarf knife map".split()
WIDTH = 24
HOW = Intents()


def frame(themes=tuple(THEMES), per_theme=24, noise=0.12, seed=5):
    """Messages of some themes and their vectors: a direction a theme, and noise; every sixth is held out."""
    rng = np.random.default_rng(1)
    directions = dict(zip(THEMES, clusters.unit(rng.normal(size=(len(THEMES), WIDTH))), strict=True))
    rng = np.random.default_rng(seed)
    rows, vectors = [], []
    for theme in themes:
        for number in range(per_theme):
            text = THEMES[theme][number % 2].format(THINGS[number % len(THINGS)])
            split = "test" if number % 6 == 5 else "train"
            rows.append({"id": f"{theme}-{number}", "text": text, "theme": theme, "intent": None, "reply": "",
                         "split": split, "synthetic": False, "source": "mail"})  # fmt: skip
            vectors.append(directions[theme] + noise * rng.normal(size=WIDTH))
    return pd.DataFrame(rows), clusters.unit(np.array(vectors, np.float32))


def no_reply_is_read(texts):
    raise AssertionError("there is no reply to read")


def found(messages, vectors, how=HOW, known=None, digest="", encode=no_reply_is_read):
    result = topics.discover(messages, vectors, encode, how, 17, known, digest)
    assert result is not None
    return result


def test_planted_themes_are_found_and_held_out_messages_are_only_assigned():
    messages, vectors = frame()
    result = found(messages, vectors)
    assert len(result.topics.topics) == len(THEMES)
    pairs = {(theme, label) for theme, label in zip(messages["theme"], result.labels, strict=True) if label}
    assert len(pairs) == len(THEMES) and sum(label is None for label in result.labels) < 0.1 * len(messages)
    held = (messages["split"] == "test").to_numpy()
    assert any(label for label, out in zip(result.labels, held, strict=True) if out)
    turned = np.where(held[:, None], -vectors, vectors)
    again = found(messages, turned).topics
    assert {t.name for t in again.topics} == {t.name for t in result.topics.topics}
    np.testing.assert_array_equal(np.sort(again.centres, axis=0), np.sort(result.topics.centres, axis=0))


def test_the_same_messages_give_the_same_topics():
    one, two = (found(*frame()) for _ in range(2))
    assert one.labels == two.labels and one.topics.topics == two.topics.topics


def test_names_are_terms_that_tell_a_topic_from_the_others():
    names = {topic.name for topic in found(*frame()).topics.topics}
    assert any("money back" in name for name in names) and any("parcel" in name for name in names)
    for name in names:
        assert not {"i", "the", "my", "want", "is"} & set(name.replace(",", "").split())


def test_a_message_between_topics_belongs_to_none_and_noise_has_none_at_all():
    messages, vectors = frame()
    held_out = messages.index[messages["split"] == "test"][0]
    assert found(messages, vectors).labels[held_out] is not None
    vectors[held_out] = clusters.unit(found(messages, vectors).topics.centres[:2]).mean(axis=0)
    assert found(messages, vectors).labels[held_out] is None
    noise = clusters.unit(np.random.default_rng(2).normal(size=(len(messages), 384)).astype(np.float32))
    assert topics.discover(messages, noise, no_reply_is_read, HOW, 17) is None


def test_too_few_messages_have_no_topic():
    assert topics.discover(*frame(per_theme=6), no_reply_is_read, HOW, 17) is None


def test_names_stay_over_a_retraining_and_what_is_new_gets_a_topic_of_its_own():
    before = found(*frame(("refund", "delivery", "account")))
    messages, vectors = frame(seed=6)
    after = found(messages, vectors, known=before.topics)
    assert {t.name for t in before.topics.topics} < {t.name for t in after.topics.topics}
    new = {label for theme, label in zip(messages["theme"], after.labels, strict=True) if theme == "warranty"}
    assert not new & {t.name for t in before.topics.topics} and len(new - {None}) == 1


def test_a_former_name_whose_words_nobody_uses_any_more_goes():
    assert topicnames.still_said(["money back, refund", "unicorn, refund"], ["refund money back"] * 3) == {
        "money back, refund"
    }


def test_topics_of_the_same_messages_are_only_named_anew():
    messages, vectors = frame()
    before = found(messages, vectors, digest="a")
    named = {before.topics.topics[0].name: "mine"}
    after = found(messages, vectors, Intents(rename=named), before.topics, "a")
    np.testing.assert_array_equal(after.topics.centres, before.topics.centres)
    assert [named.get(label, label) for label in before.labels] == after.labels


def test_topics_are_merged_and_renamed_and_a_name_that_no_topic_has_is_told():
    messages, vectors = frame()
    one, two, three, four = (t.name for t in found(messages, vectors).topics.topics)
    how = Intents(merge=((one, two),), rename={one: "both", three: "other", "typo": "x"})
    result = found(messages, vectors, how)
    assert {t.name: t.label for t in result.topics.topics} == {one: "both", two: "both", three: "other", four: four}
    assert result.topics.strange == ("typo",)
    rows = {row["topic"]: row for row in topics.table(result.topics)}
    assert rows["both"]["size"] == sum(label == "both" for label in result.labels)
    assert sorted(rows["both"]["found_as"]) == sorted((one, two))


def test_a_persons_label_stays_and_lends_its_name_to_the_topic_around_it():
    messages, vectors = frame()
    refunds = messages.index[(messages["theme"] == "refund") & (messages["split"] == "train")][:6]
    messages.loc[refunds, "intent"] = "money_back"
    result = found(messages, vectors)
    named = topics.labelled(messages, result.labels)
    assert (named.loc[messages["theme"] == "refund", "intent"].dropna() == "money_back").all()
    assert not named.loc[refunds, "discovered"].any() and named["discovered"].sum() > 50


def test_what_the_human_answered_tells_messages_apart_that_read_alike():
    messages, vectors = frame(("refund", "delivery"), per_theme=40)
    alike, directions = frame(("refund",), per_theme=80)[1], dict(zip(messages["theme"], vectors, strict=True))
    messages["reply"] = messages["theme"]
    result = found(messages, alike, encode=lambda texts: np.stack([directions[t] for t in texts]))
    pairs = {(theme, label) for theme, label in zip(messages["theme"], result.labels, strict=True) if label}
    assert result.topics.replies and len({t for t, _ in pairs}) == 2
    assert all(len({theme for theme, label in pairs if label == topic}) == 1 for _, topic in pairs)


def test_topics_are_wanted_where_nobody_labelled_and_a_few_reviews_do_not_change_that():
    messages, _ = frame()
    assert topics.wanted(messages, HOW, ()) and not topics.wanted(messages, Intents(discover="off"), ())
    messages.loc[messages.index[:9], "intent"] = list("abcabcabc")
    messages.loc[messages.index[:9], "source"] = "reviewed"
    assert topics.wanted(messages, HOW, ("reviewed",)) and not topics.wanted(messages, HOW, ())
    assert topics.wanted(messages, Intents(discover="on"), ())


def test_what_is_saved_holds_no_message(tmp_path):
    messages, vectors = frame()
    made = found(messages, vectors, digest="a").topics
    made.save(tmp_path)
    again = topics.Topics.load(tmp_path)
    assert again.topics == made.topics and again.messages == "a"
    np.testing.assert_array_equal(again.centres, made.centres)
    written = (tmp_path / topics.FILE).read_text()
    assert not any(text in written for text in messages["text"])
    assert json.loads(written).keys() == asdict(made).keys() - {"centres"}


def test_topics_are_no_labels_to_the_scorecard_and_give_the_gate_no_case():
    test = pd.DataFrame({"intent": ["a", "b", None], "discovered": [True, True, False]})
    plans = [Plan("retrieve", "?", said, 0.9, 0.9, (), None) for said in ("a", "a", "b")]
    card = Scorecard({}, {})
    scorecard._understanding(card, test, plans)
    assert card.skipped["intents"] == scorecard.TOPICS and "intent" not in card.cases
    assert np.isnan(card.scores["intent_accuracy"]) and card.scores["topic_agreement"] == 0.5
    assert {row["intent"] for row in card.tables["per_topic"]} == {"a", "b"}


@pytest.mark.parametrize(("written", "read"), [(True, "on"), (False, "off"), ("auto", "auto")])
def test_yaml_reads_on_as_true(written, read):
    assert Settings(intents={"discover": written}).intents.discover == read


@pytest.mark.parametrize("merge", [[["a"]], [["a", "b"], ["b", "c"]]])
def test_a_list_to_merge_that_makes_no_sense_is_told(merge):
    with pytest.raises(ValueError, match="intents") as error:
        Settings(intents={"merge": merge})
    assert "topic" in told(error.value)
