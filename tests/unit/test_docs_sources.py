"""The page on sources tells the truth: its examples are valid and the tests that it names exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import TypeAdapter

from deskloop.origins import AnySource

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "sources.md").read_text("utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
SHOWN = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_example_is_a_source_in_at_most_five_lines(example):
    assert len(example.strip().splitlines()) <= 5
    (source,) = yaml.safe_load(example)
    TypeAdapter(AnySource).validate_python(source)


def test_each_kind_of_source_has_an_example():
    kinds = {get_args(kind.model_fields["kind"].annotation)[0] for kind in get_args(get_args(AnySource)[0])}
    assert kinds == {yaml.safe_load(example)[0]["kind"] for example in EXAMPLES}


@pytest.mark.parametrize(("file", "name"), SHOWN)
def test_each_test_that_the_table_names_exists(file, name):
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_each_row_of_the_table_has_its_test_or_says_that_it_lacks_one():
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", PAGE.partition("## What shows it")[2], re.M)[2:]
    assert len(rows) > 20
    assert [r for r in rows if r[1] != "none yet" and not re.fullmatch(r"`tests/[\w/]+\.py::\w+`", r[1])] == []
