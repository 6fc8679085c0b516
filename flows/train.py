"""From the sources to the champion: the whole pipeline in one flow."""

from __future__ import annotations

from prefect import flow
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings
from prefect.task_runners import ThreadPoolTaskRunner

from deskloop import occupied
from deskloop.records import Outcome
from deskloop.requests import TrainRequest
from deskloop.settings import Settings
from flows.prepare import dataset
from tasks.approve import decided
from tasks.deploy import deploy
from tasks.evaluate import baselines, champion_scores, evaluate
from tasks.features import fit_tfidf, sentence_vectors, train_word2vec
from tasks.model import assemble, build_index, fine_tune, fit_intents
from tasks.plain import plain_failures
from tasks.topics import discover_topics

USUAL = TrainRequest()  # a model as the default, so that the dashboard shows the form at once


@flow(name="train", task_runner=ThreadPoolTaskRunner(max_workers=8))  # type: ignore[arg-type]
def train(request: TrainRequest = USUAL) -> Outcome:
    """Acquire, preprocess, make features, model, evaluate, deploy: a champion if the gate says so."""
    plain_failures()
    settings = request.settings()
    with temporary_settings({PREFECT_TASKS_REFRESH_CACHE: request.refresh}), occupied.reading(settings):
        return pipeline(settings, request.reason)


def pipeline(settings: Settings, reason: str) -> Outcome:
    """The order of the stages. What does not need the other runs side by side."""
    data = dataset(settings)
    messages, knowledge = data.messages, data.knowledge

    tfidf = fit_tfidf.submit(messages, settings)
    words = train_word2vec.submit(messages, settings)
    vectors = sentence_vectors.submit(messages, settings)
    index = build_index.submit(messages, knowledge, vectors, settings)  # type: ignore[call-overload]
    features = tfidf.result(), words.result(), vectors.result()
    named = discover_topics(messages, features[2], settings)

    # from here each stage uses every core, so they run one after the other
    entries = index.result()
    intents = fit_intents(named.messages, *features, settings)
    generator = fine_tune(messages, knowledge, entries, settings)
    candidate = assemble(named, entries, data.card, intents, generator, settings)

    peers = baselines(messages, knowledge, entries, settings)
    rival = champion_scores(messages, knowledge, candidate, settings)
    scorecard = evaluate(named.messages, knowledge, candidate, peers, settings)
    outcome = deploy(candidate, scorecard, rival, reason, settings)
    return decided(outcome, reason, settings) if outcome.waits else outcome
