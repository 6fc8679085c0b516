"""Questions that unfold: details and summary, lists of terms, buttons that control a panel, and the class names
that themes and page builders give to such markup. Knows nothing about fetching.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from deskloop.sources.item import ASKS, Item, anchor, clean, label, unfolded

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_OF_LIST = r"(?:^|.*[-_])(?:faqs?|accordion|toggle|collapsible|collapse|tab|qa)[-_]{0,2}(?:item)?[-_]{0,2}"
_QUESTION = re.compile(
    rf"(?:{_OF_LIST}(?:question|title|header|heading|head|trigger|button|btn|label|summary|q)"
    r"|(?:rank-math-)?question(?:-(?:title|text))?)$"
)
_ANSWER = re.compile(
    rf"(?:{_OF_LIST}(?:answer|content|body|panel|panel-body|text|description|collapse|inner|a)"
    r"|(?:rank-math-)?answer(?:-(?:body|text|content))?)$"
)
_SAYS_SO = re.compile(r"faq|question")


def unfold(root: Any, url: str) -> Iterator[Item]:
    """Every question with an answer behind it, in the order of the forms above; the same one may come twice."""
    yield from _details(root, url)
    yield from _terms(root, url)
    yield from _controlled(root, url)
    yield from _by_class(root, url)


def _at(url: str, name: str | None) -> str | None:
    return f"{url}#{name}" if name else None


def _details(root: Any, url: str) -> Iterator[Item]:
    for details in list(root.iter("details")):
        summary = details.find("summary")
        if summary is None:
            continue
        question, name = label(summary), details.get("id") or summary.get("id")
        summary.drop_tree()
        yield Item(question, unfolded(details), _at(url, name))


def _terms(root: Any, url: str) -> Iterator[Item]:
    """Each term of a definition list; several `dd` belong together."""
    for term in root.iter("dt"):
        answers = []
        node = term.getnext()
        while node is not None and node.tag == "dd":
            answers.append(unfolded(node))
            node = node.getnext()
        if answers:
            yield Item(label(term), clean("\n".join(answers)), _at(url, anchor(term)))


def _controlled(root: Any, url: str) -> Iterator[Item]:
    """Buttons and links that open a panel by its id. Menus do so too: one of a kind must ask a question."""
    found = root.xpath(
        ".//*[@aria-controls and @aria-expanded] | .//*[@data-bs-toggle='collapse'] | .//*[@data-toggle='collapse']"
    )
    kinds = {_kind(button) for button in found if ASKS.search(label(button))}
    panels = {node.get("id"): node for node in root.iterfind(".//*[@id]")} if kinds else {}
    for button in found:
        panel = panels.get(_target(button))
        if panel is not None and _kind(button) in kinds:
            yield Item(label(button), unfolded(panel), _at(url, panel.get("id")))


def _kind(button: Any) -> tuple[str, str]:
    # a state such as `collapsed` differs from one button to the next
    return button.tag, " ".join(t for t in _tokens(button) if t not in ("collapsed", "active", "open", "is-open"))


def _target(button: Any) -> str:
    names = ("aria-controls", "data-bs-target", "data-target", "href")
    given = next((value for name in names if (value := (button.get(name) or "").strip())), "")
    return given.split(" ")[0].lstrip("#")


def _by_class(root: Any, url: str) -> Iterator[Item]:
    """A question by its class and the first answer by its class after it."""
    items: list[tuple[Any, Item]] = []
    asked: Any = None
    for node in root.iter():
        if not isinstance(node.tag, str) or not node.get("class") or _inside(node, asked):
            continue
        tokens = _tokens(node)
        if asked is not None and any(map(_ANSWER.match, tokens)) and not _inside(asked, node):
            name = anchor(asked) or asked.getparent().get("id")
            items.append((asked, Item(label(asked), unfolded(node), _at(url, name))))
            asked = None
        elif any(map(_QUESTION.match, tokens)):
            asked = node
    known = {_kind(node) for node, item in items if ASKS.search(item.question) or _SAYS_SO.search(_kind(node)[1])}
    yield from (item for node, item in items if _kind(node) in known)


def _tokens(node: Any) -> list[str]:
    return [_CAMEL.sub("-", token).lower() for token in (node.get("class") or "").split()]


def _inside(node: Any, outer: Any) -> bool:
    return outer is not None and any(parent is outer for parent in node.iterancestors())
