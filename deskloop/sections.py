"""The sections of the configuration: what can be set, with its unit, its bounds and its default.

Knows nothing about files and variables, see `deskloop.settings`; sources have `deskloop.origins`.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from deskloop.origins import Chatwoot, Section

Effort = Literal["quick", "standard", "thorough"]
LanguagePolicy = Literal["keep", "route", "set_aside"]


class Shop(Section):
    """Who the desk speaks for."""

    name: str = "our shop"
    languages: dict[str, LanguagePolicy] = Field(
        {"en": "keep"},
        description="What becomes of each language: `keep` (learnt from and answered), `route` (kept as data; a "
        "person answers), `set_aside`. `other` stands for all not named (set aside). A list names those to keep.",
    )
    handover: str = Field(
        "I would rather not guess here, so I am passing this to a colleague. They can see our chat and will "
        "reply as soon as possible.",
        description="Said when a person takes over.",
    )
    handover_person: str = Field(
        "Of course. I am passing our chat to a colleague, who will reply as soon as possible.",
        description="Said to who asks for a person.",
    )
    handover_always: str = Field(
        "I am passing this to a colleague, who will reply as soon as possible.",
        description="Said to a complaint, and whatever else of `handover_intents` is within scope.",
    )
    handover_scope: str = Field(
        "I can only help with questions about our shop. If this is one, a colleague will look at it and reply here.",
        description="Said to a question that is none for the desk.",
    )
    handover_language: str = Field(
        "I cannot answer in {language} yet, so I am passing this to a colleague, who will reply as soon as possible.",
        description="Said to a message in a language that is not kept; {language} becomes its English name.",
    )
    handover_unsafe: str = Field(
        "If anybody is hurt or in danger, please call 112 first. I am passing this to a colleague right away.",
        description="Said where somebody may be in danger.",
    )
    handover_urgent: str = Field(
        "I am passing this to a colleague right away, who will reply here as soon as possible.",
        description="Said where an account or a payment may be misused, or of legal steps.",
    )
    handover_intents: tuple[str, ...] = Field(
        ("talk_to_human", "complaint", "out_of_scope"), description="Intents that always go to a person."
    )

    @field_validator("languages", mode="before")
    @classmethod
    def _a_list_names_those_to_keep(cls, given: Any) -> Any:
        return dict.fromkeys(given, "keep") if isinstance(given, list | tuple) else given

    @field_validator("languages")
    @classmethod
    def _languages_are_codes(cls, given: dict[str, LanguagePolicy]) -> dict[str, LanguagePolicy]:
        for name in given:
            if name != "other" and not re.fullmatch(r"[a-z]{2,3}", name):
                raise ValueError(f"{name!r} is no language code; write en, nl, de ... or other")
        if "keep" not in given.values():
            raise ValueError("no language is kept, so nothing could be learnt; give one `keep`")
        return given

    def policy(self, language: str) -> LanguagePolicy:
        """What becomes of a text in a language; one that nobody can tell (`und`) is kept."""
        other = self.languages.get("other", "set_aside")
        return "keep" if language == "und" else self.languages.get(language, other)


class Preprocess(Section):
    """Cleaning and splitting."""

    test_share: float = Field(0.2, gt=0, lt=0.9, description="Share of dated real conversations, the latest.")
    validation_share: float = Field(0.15, gt=0, lt=0.9, description="Share of the rest, by conversation.")
    near_duplicate: float = Field(0.9, gt=0.5, le=1.0, description="Jaccard similarity of word shingles.")
    semantic_duplicates: float | None = Field(
        None,
        gt=0.8,
        le=1.0,
        description="Cosine from which two real questions with the same facts count as one; off.",
    )
    customers_apart: bool = Field(True, description="All conversations of a customer go to one split.")
    min_words: int = Field(2, ge=1)
    own_addresses: tuple[str, ...] = Field((), description="The shop's own addresses, never masked.")
    ner: tuple[Literal["PERSON", "ADDRESS", "LOCATION", "ORGANIZATION", "DATE_TIME"], ...] = Field(
        (), description="Kinds that the tagger of the extra `ner` masks too, beside what patterns tell."
    )
    raw_days: int = Field(
        365, ge=0, description="Days that raw rows are kept; then the source is read anew. 0 keeps them."
    )


class Compute(Section):
    """Where partitions of the data are cleaned; the same result everywhere."""

    runner: Literal["auto", "threads", "processes", "dask"] = Field(
        "auto", description="`auto`: processes of this machine once there is more than one partition."
    )
    workers: int = Field(0, ge=0, description="Processes; 0 takes one a core.")
    scheduler: str | None = Field(None, description="Of a Dask cluster (tcp://host:8786), which sees the same store.")
    partition_rows: int = Field(20_000, ge=10, description="Rows of a partition; memory grows with it.")

    @model_validator(mode="after")
    def _dask_has_a_scheduler(self) -> Self:
        if (self.runner == "dask") != (self.scheduler is not None):
            raise ValueError("`runner: dask` and `scheduler: tcp://host:8786` go together")
        return self


class Backtest(Section):
    """What a ticket costs, for the page that tells what the bot would have saved, and when that is written."""

    cron: str | None = Field(
        "0 6 * * 1", description="When the page is written anew, in UTC; null for by hand alone."
    )
    minutes_per_ticket: float = Field(6.0, gt=0, description="Of a colleague's time, reading included.")
    cost_per_hour: float = Field(35.0, ge=0)
    currency: str = Field("€", max_length=5)


class Features(Section):
    """Which features feed the classifier and the index."""

    tfidf: bool = True
    word2vec: bool = True
    sentence: bool = True
    tuned: bool = Field(True, description="Fine-tune the sentence encoder's upper layers on labelled intents.")


class Intents(Section):
    """Where intents come from: the desk's labels, or topics found in the messages."""

    discover: Literal["auto", "on", "off"] = Field(
        "auto", description="Find topics: auto where the desk labelled nothing; on beside the labels, too."
    )
    most_topics: int = Field(60, ge=2, le=1000, description="Topics found at most.")
    rename: dict[str, str] = Field(default_factory=dict, description="Names of topics as found, to names of yours.")
    merge: tuple[tuple[str, ...], ...] = Field((), description="Lists of names as found; one topic each.")

    @field_validator("discover", mode="before")
    @classmethod
    def _yaml_reads_on_as_true(cls, value: Any) -> Any:
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value

    @field_validator("merge")
    @classmethod
    def _merged_once(cls, groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        names = [name for group in groups for name in group]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"a topic can be in one list only, got twice: {', '.join(twice)}")
        if short := [group for group in groups if len(group) < 2]:
            raise ValueError(f"a list needs two topics or more, got {list(short[0])}")
        return groups


class Model(Section):
    """The base models and how they are fine-tuned."""

    base: str = Field("smollm2-135m-instruct", description="Fetched name, or a path in Hugging Face layout.")
    encoder: str = Field("all-minilm-l6-v2", description="Fetched name, or a path.")
    seed: int = 17
    warm_start: bool = Field(True, description="A retraining goes on from the champion's adapters.")
    answer_policy: Literal["auto", "generate", "retrieve"] = "auto"
    max_wrong: float = Field(0.03, gt=0, lt=1, description="Wrong answers shown, aimed at, of all questions.")
    max_unknown: float = Field(0.11, gt=0, le=1, description="Answers shown to questions whose entry is taken away.")


class Gate(Section):
    """The business's thresholds. A candidate below any of them is refused, champion or not."""

    min_intent_accuracy: float = Field(0.0, ge=0, le=1)
    min_intent_macro_f1: float = Field(0.0, ge=0, le=1)
    min_recall_at_5: float = Field(0.0, ge=0, le=1)
    min_answer_correct: float = Field(0.0, ge=0, le=1, description="Of the answered held-out questions.")
    max_wrong_rate: float = Field(1.0, ge=0, le=1, description="Wrong answers shown, of all held-out questions.")
    max_loss: float = Field(0.01, ge=0, le=1, description="How much worse than the champion any score may be.")
    slice_margin: float = Field(
        0.05, ge=0, le=1, description="How much worse a language, channel, intent or length of message may surely be."
    )
    max_against: float = Field(
        0.05,
        ge=0,
        le=1,
        description="Share of the entries that a version may drop or edit against past replies, one in any case.",
    )
    max_slowdown: float = Field(1.5, gt=0, description="How many times the champion's time an answer may take.")
    approval: Literal["auto", "manual"] = Field(
        "auto", description="manual: what passes waits for a person, in the dashboard or by `deskloop approve`."
    )
    approval_hours: float = Field(24.0, gt=0, le=720, description="Hours after which a missing approval is a no.")


class Serve(Section):
    """The API and the chat page."""

    host: str = "127.0.0.1"
    port: int = Field(8321, ge=1, le=65535)
    replicas: int = Field(1, ge=1, le=64, description="Engine replicas, one CPU thread each.")
    engine_url: str | None = Field(
        None, description="OpenAI-compatible server that writes instead of this process, such as vLLM."
    )
    engine_model: str = Field("deskloop", description="Name of the model on that server.")
    engine_key: SecretStr | None = Field(None, description="API key of that server.")
    desk_token: SecretStr | None = Field(None, description="Lets the desk review and reply; off when unset.")
    api_key: SecretStr | None = Field(None, description="Asked of API clients when set.")
    embed_on: tuple[Annotated[str, StringConstraints(pattern=r"^https?://[\w.:-]+$")], ...] = Field(
        (), description="Websites that may show the chat, such as https://www.shop.example; none if empty."
    )
    chatwoot: Chatwoot | None = Field(None, description="Answer there, too: WhatsApp, Telegram, e-mail and more.")
    max_message_chars: int = Field(4000, ge=100, le=100_000)
    rate_per_minute: int = Field(600, ge=1, description="Messages per client address and minute.")


class Monitor(Section):
    """The drift check."""

    cron: str = "*/15 * * * *"
    window: int = Field(200, ge=50, le=5000, description="Live messages compared, the latest.")
    min_window: int = Field(80, ge=20, description="Fewer give the verdict `undetermined`.")
    alpha: float = Field(0.01, gt=0, lt=0.5, description="False-alarm rate of one check.")
    cooldown_minutes: int = Field(60, ge=0)

    @model_validator(mode="after")
    def _window_can_be_filled(self) -> Self:
        if self.min_window > self.window:
            raise ValueError(
                f"min_window {self.min_window} is above window {self.window}: no check would ever decide"
            )
        return self
