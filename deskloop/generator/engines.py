"""Engines that write answers: CTranslate2 on the CPU, transformers as a reference, or a server elsewhere.

All take chat messages and give text, greedily, so that the same prompt gives the same answer.
Knows nothing about retrieval or what makes an answer good.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from deskloop import memory
from deskloop.errors import TransientError
from deskloop.generator.batching import Batcher, Request
from deskloop.generator.chat import IGNORED, Chat
from deskloop.settings import Settings

Messages = Sequence[Mapping[str, str]]
BATCH = 8  # prompts decoded together where nobody waits: 16 are no faster and take half as much memory again
SCORED = 2  # conversations scored at once: each keeps a row of the whole vocabulary per token
WORKERS = 4  # batches side by side at most: each holds its own keys, values and scores


def load_engine(folder: Path, settings: Settings) -> CT2Engine | OpenAIEngine:
    """The configured engine: a server if one is named, else CTranslate2 with the weights in `folder`."""
    serve = settings.serve
    if serve.engine_url:
        key = serve.engine_key.get_secret_value() if serve.engine_key else None
        return OpenAIEngine(serve.engine_url, serve.engine_model, key)
    return CT2Engine.load(folder, serve.replicas)


class Engine(Protocol):
    """What writes text."""

    def stream(self, messages: list[dict[str, str]], max_tokens: int) -> Iterator[str]:
        """Pieces of the answer as they are made."""

    def generate(self, batch: list[list[dict[str, str]]], max_tokens: int) -> list[str]:
        """Answers to several conversations at once."""

    def perplexity(self, examples: Sequence[Mapping[str, Any]]) -> float:
        """Of the assistant's turns of [{"messages": [...]}]."""


class CT2Engine:
    """CTranslate2 with int8 weights. Safe for several threads: what waits together is decoded together.

    `replicas` streaming batches run side by side, one thread each: two threads inside one batch spin against
    each other on busy virtual cores. Bulk generation uses up to WORKERS cores. All share one copy of the weights.
    """

    def __init__(self, folder: Path, replicas: int = 1) -> None:
        import ctranslate2

        self.chat = Chat.load(folder)
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._model = ctranslate2.Generator(
            str(folder),
            device="cpu",
            compute_type="int8",
            intra_threads=1,
            inter_threads=max(replicas, min(cores, WORKERS)),
        )
        self._batcher = Batcher(self._decode, replicas)

    @classmethod
    def load(cls, folder: Path, replicas: int = 1) -> CT2Engine:
        """Open an int8 export. Raises CorruptBundle if it has no tokenizer or template."""
        return cls(folder, replicas)

    def stream(self, messages: Messages, max_tokens: int) -> Iterator[str]:
        """Pieces of the answer as they are made. Leaving the iterator stops the decoding."""
        request = self._batcher.submit(self.chat.prompt(messages), max_tokens)
        try:
            yield from _pieces(self.chat, request.tokens())
        finally:
            request.cancel()

    def generate(self, batch: Sequence[Messages], max_tokens: int) -> list[str]:
        """Answers to several conversations."""
        results = self._model.generate_batch(
            [self.chat.prompt(messages) for messages in batch],
            max_batch_size=BATCH,
            max_length=max_tokens,
            include_prompt_in_result=False,
            end_token=[self.chat.end],
        )
        memory.give_back()
        return [self.chat.decode(result.sequences_ids[0]).strip() for result in results]

    def perplexity(self, examples: Sequence[Mapping[str, Any]]) -> float:
        """Perplexity per token of the assistant's turns of [{"messages": [...]}]; NaN if there are none."""
        encoded = [self.chat.encode(example["messages"]) for example in examples]
        token = self.chat.tokenizer.id_to_token
        scored = self._model.score_batch([[token(i) for i in e.ids] for e in encoded], max_batch_size=SCORED)
        memory.give_back()
        # the first token has no score: score i belongs to token i + 1
        told = [
            score
            for e, result in zip(encoded, scored, strict=True)
            for score, label in zip(result.log_probs, e.labels[1:], strict=True)
            if label != IGNORED
        ]
        return math.exp(-sum(told) / len(told)) if told else math.nan

    def close(self) -> None:
        """End the workers and free the weights."""
        self._batcher.close()
        self._model.unload_model()

    def _decode(self, requests: list[Request]) -> None:
        """Decode prompts together; each request gets its tokens as they come."""

        def give(step: Any) -> bool:
            return requests[step.batch_id].give(step.token_id, step.is_last)

        self._model.generate_batch(
            [request.prompt for request in requests],
            max_length=max(request.max_tokens for request in requests),
            include_prompt_in_result=False,
            end_token=[self.chat.end],
            callback=give,
        )


class TransformersEngine:
    """The same model in torch, eager, greedy: the reference that the others are measured against."""

    def __init__(self, folder: Path) -> None:
        import threading

        from transformers import AutoModelForCausalLM

        from deskloop.generator.adapters import precision

        self.chat = Chat.load(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=precision()).eval()
        self._end = self.chat.tokenizer.token_to_id(self.chat.end)
        self._lock = threading.Lock()

    def stream(self, messages: Messages, max_tokens: int) -> Iterator[str]:
        """Pieces of the answer as they are made; one conversation at a time."""
        with self._lock:
            yield from _pieces(self.chat, self._ids(self.chat.prompt_ids(messages), max_tokens))

    def generate(self, batch: Sequence[Messages], max_tokens: int) -> list[str]:
        """Answers to several conversations, BATCH at a time, padded on the left."""
        import torch

        answers: list[str] = []
        for start in range(0, len(batch), BATCH):
            prompts = [self.chat.prompt_ids(messages) for messages in batch[start : start + BATCH]]
            width = max(map(len, prompts))
            ids = torch.tensor([[self._end] * (width - len(p)) + p for p in prompts])
            mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
            made = self._model.generate(
                input_ids=ids, attention_mask=mask, max_new_tokens=max_tokens, do_sample=False,
                eos_token_id=self._end, pad_token_id=self._end,
            )  # fmt: skip
            answers += [self.chat.decode(row[width:].tolist()).strip() for row in made]
        return answers

    def perplexity(self, examples: Sequence[Mapping[str, Any]]) -> float:
        """Perplexity per token of the assistant's turns."""
        import torch

        from deskloop.generator.loop import loss

        total, tokens = 0.0, 0
        with torch.no_grad():
            for example in examples:
                encoded = self.chat.encode(example["messages"])
                total += float(loss(self._model, [encoded])) * encoded.supervised
                tokens += encoded.supervised
        return math.exp(total / tokens) if tokens else math.nan

    def _ids(self, prompt: list[int], max_tokens: int) -> Iterator[int]:
        import torch

        past, ids = None, torch.tensor([prompt])
        for _ in range(max_tokens):
            with torch.no_grad():
                out = self._model(input_ids=ids, past_key_values=past, use_cache=True, logits_to_keep=1)
            past, best = out.past_key_values, int(out.logits[0, -1].argmax())
            if best == self._end:
                return
            yield best
            ids = torch.tensor([[best]])


class OpenAIEngine:
    """Any server that speaks OpenAI's chat completions: vLLM, TGI, llama.cpp, a hosted one."""

    def __init__(self, url: str, model: str, key: str | None = None, timeout: float = 60) -> None:
        import httpx

        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(base_url=url.rstrip("/"), headers=headers, timeout=timeout)
        self._model = model

    def stream(self, messages: Messages, max_tokens: int) -> Iterator[str]:
        """Pieces of the answer as the server sends them. Raises TransientError if it does not answer."""
        import httpx

        body = self._body(messages, max_tokens) | {"stream": True}
        try:
            with self._client.stream("POST", "/chat/completions", json=body) as response:
                response.raise_for_status()
                yield from filter(None, map(_delta, response.iter_lines()))
        except httpx.HTTPError as error:
            raise TransientError(f"the engine at {self._client.base_url} failed: {error}") from error

    def generate(self, batch: Sequence[Messages], max_tokens: int) -> list[str]:
        """Answers to several conversations, eight requests at a time; the server batches them."""
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda m: "".join(self.stream(m, max_tokens)).strip(), batch))

    def perplexity(self, examples: Sequence[Mapping[str, Any]]) -> float:
        """Not to be had over this protocol: NaN."""
        return math.nan

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _body(self, messages: Messages, max_tokens: int) -> dict[str, Any]:
        talk = [dict(message) for message in messages]
        return {"model": self._model, "messages": talk, "max_tokens": max_tokens, "temperature": 0}


def _delta(line: str) -> str:
    """Text of one server-sent event; empty for anything else."""
    import json

    if not line.startswith("data:") or line.strip() == "data: [DONE]":
        return ""
    choices = json.loads(line.removeprefix("data:")).get("choices") or [{}]
    return str(choices[0].get("delta", {}).get("content") or "")


def _pieces(chat: Chat, tokens: Iterator[int]) -> Iterator[str]:
    """Text as tokens come; held back while a character or the answer's leading space is incomplete."""
    ids: list[int] = []
    told = ""
    for token in tokens:
        ids.append(token)
        text = chat.decode(ids).lstrip()
        if not text.endswith("�") and len(text) > len(told):
            yield text[len(told) :]
            told = text
