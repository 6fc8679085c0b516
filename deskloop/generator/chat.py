"""Conversations as tokens: the model's own chat template, without loading transformers or torch.

Text of a message can never become a control token: their spellings are taken out first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from deskloop.errors import CorruptBundle

Message = Mapping[str, str]
IGNORED = -100  # label of a token that is not learnt, as in torch's cross entropy


@dataclass(frozen=True)
class Encoded:
    """Token ids of a conversation, and for each the label to learn (IGNORED outside answers)."""

    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def supervised(self) -> int:
        """Tokens that carry loss."""
        return sum(label != IGNORED for label in self.labels)


@dataclass(frozen=True)
class Chat:
    """Tokenizer and chat template of a model folder."""

    folder: Path

    @classmethod
    def load(cls, folder: Path) -> Chat:
        """Open a model folder with tokenizer.json and chat_template.jinja. Raises CorruptBundle."""
        for name in ("tokenizer.json", "chat_template.jinja"):
            if not (folder / name).is_file():
                raise CorruptBundle(f"{folder} has no {name}; fetch or train the model again")
        return cls(folder)

    @cached_property
    def tokenizer(self) -> Any:
        """The `tokenizers.Tokenizer`."""
        from tokenizers import Tokenizer

        return Tokenizer.from_file(str(self.folder / "tokenizer.json"))

    @cached_property
    def _template(self) -> Any:
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        return environment.from_string((self.folder / "chat_template.jinja").read_text("utf-8"))

    @cached_property
    def _controls(self) -> tuple[str, ...]:
        added = self.tokenizer.get_added_tokens_decoder().values()
        return tuple(token.content for token in added if token.special)

    @property
    def end(self) -> str:
        """The token that ends a turn."""
        return "<|im_end|>"

    def render(self, messages: Sequence[Message], ask: bool = True) -> str:
        """The conversation as the model reads it; `ask` opens the assistant's next turn."""
        safe = [{"role": m["role"], "content": self._harmless(m["content"])} for m in messages]
        return str(self._template.render(messages=safe, add_generation_prompt=ask))

    def prompt(self, messages: Sequence[Message]) -> list[str]:
        """Tokens of a prompt that asks for the next answer."""
        return list(self.tokenizer.encode(self.render(messages), add_special_tokens=False).tokens)

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """Ids of the same tokens."""
        return self._ids(self.render(messages))

    def encode(self, messages: Sequence[Message]) -> Encoded:
        """Ids and labels of a whole conversation; only the assistant's turns and their end are learnt.

        Pieces are tokenised apart where an answer starts, exactly as they will be when it is generated.
        """
        ids: list[int] = []
        labels: list[int] = []
        done = ""
        for i, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before, after = self.render(messages[:i]), self.render(messages[: i + 1], ask=False)
            asked, said = self._ids(before[len(done) :]), self._ids(after[len(before) :].rstrip())
            ids += asked + said
            labels += [IGNORED] * len(asked) + said
            done = after.rstrip()
        return Encoded(tuple(ids), tuple(labels))

    def decode(self, ids: Sequence[int]) -> str:
        """Text of token ids, control tokens left out."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def _harmless(self, text: str) -> str:
        for control in self._controls:
            text = text.replace(control, " ")
        return text.strip()
