"""From the sources to the champion: the whole pipeline in one flow."""

from __future__ import annotations

from prefect import flow
from prefect.settings import PREFECT_TASKS_REFRESH_CACHE, temporary_settings
from prefect.task_runners import ThreadPoolTaskRunner
from tasks.deploy import Outcome, deploy
from tasks.evaluate import baselines, evaluate
from tasks.features import fit_tfidf, sentence_vectors, train_word2vec
from tasks.model import assemble, build_index, fine_tune, fit_intents

from deskloop.requests import TrainRequest
from deskloop.settings import Settings
from tasks.acquire import acquire
from tasks.preprocess import preprocess


@flow(name="train", task_runner=ThreadPoolTaskRunner(max_workers=8))  # type: ignore[arg-type]
def train(request: TrainRequest | None = None) -> Outcome:
    """Acquire, preprocess, make features, model, evaluate, deploy: a champion if the gate says so."""
    request = request or TrainRequest()
    with temporary_settings({PREFECT_TASKS_REFRESH_CACHE: request.refresh}):
        return pipeline(request.settings(), request.reason)


def pipeline(settings: Settings, reason: str) -> Outcome:
    """The order of the stages. What does not need the other runs side by side."""
    batches = [acquire.submit(source, settings) for source in settings.sources]
    data = preprocess(batches, settings)

    tfidf = fit_tfidf.submit(data, settings)
    words = train_word2vec.submit(data, settings)
    vectors = sentence_vectors.submit(data, settings)

    index = build_index.submit(data, vectors, settings)
    intents = fit_intents.submit(data, tfidf, words, vectors, settings)
    generator = fine_tune.submit(data, index, settings)
    candidate = assemble.submit(data, index, intents, generator, settings)

    peers = baselines.submit(data, index, settings, wait_for=[generator])
    scorecard = evaluate(data, candidate, peers, settings)
    return deploy(candidate, scorecard, reason, settings)
