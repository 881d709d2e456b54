"""How long a recipe's training rows are, for whoever plans a run; a part of many rows stands for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qwen_recipes.backends.plan import Plan
from qwen_recipes.data.facts import read_facts
from qwen_recipes.data.glance import local_files
from qwen_recipes.data.lengths import Lengths
from qwen_recipes.data.measure import Measure, loss_of
from qwen_recipes.data.reading import NoReader, records, trouble, works
from qwen_recipes.data.texts import Template
from qwen_recipes.data.tokenizer import NoTokenizer, is_qwen3, load_tokenizer
from qwen_recipes.data.words import Counter
from qwen_recipes.qwen.models import model_facts

AT_MOST = 10_000
"""Rows that are measured: a second or two."""


def lengths_of(plan: Plan, folder: Path, at_most: int = AT_MOST) -> Lengths | None:
    """Lengths in tokens of the first rows of a plan's files, `at_most` of them shared between the files.

    `folder` is the recipe's. None where nothing can be said: rows on the hub, missing files, no tokenizer here.
    Nothing is kept between calls: what would tell that a file is unchanged costs nearly as much as measuring.
    """
    files = [(file, source) for source in plan.data.train if source.path for file in local_files(folder, source.path)]
    if not files:
        return None
    try:
        return _measured(plan, folder, files, at_most)
    except (NoTokenizer, NoReader, OSError):
        return None


def _measured(plan: Plan, folder: Path, files: list[Any], at_most: int) -> Lengths:
    model = model_facts(plan.model.id, folder)
    tokenizer = load_tokenizer(model)
    counter = Counter(tokenizer, is_qwen3(model, tokenizer))
    chat = plan.chat
    template = Template(chat.template) if chat.official else Template("unknown", (folder / chat.template).read_text())
    found = Lengths()
    for file, source in files:
        measure = Measure(counter, loss_of(chat.train_on, chat.thinking, source.format))
        for row in _rows(file, source, max(1, at_most // len(files))):
            measured = measure.row(row, template.texts(row), template.render)
            longest = max((length for length, _ in measured), key=lambda one: one.tokens)
            found.rows[longest.tokens] += 1
            found.trained += longest.trained
    return found


def _rows(file: Path, source: Any, at_most: int) -> Iterator[Any]:
    if trouble(file):
        return
    count = 0
    for work in works(file):
        for record in records(work):
            facts = read_facts(record.row, source.format, dict(source.columns), "", None)
            if facts.plain is not None:
                yield facts.plain
                count += 1
            if count == at_most:
                return
