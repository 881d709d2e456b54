"""How many examples a recipe's rows become under `chat.turns`, and how long: from the first rows of its files."""

from __future__ import annotations

from pathlib import Path

from qwen_recipes.backends.plan import Plan, SourcePlan
from qwen_recipes.data.chat_rendering import TemplateRenderer
from qwen_recipes.data.estimate_rows import count_examples
from qwen_recipes.data.rows.formats import normalize_row
from qwen_recipes.data.rows.message_forms import RowOptions
from qwen_recipes.data.source_files import list_source_files


def estimate_split(plan: Plan, folder: Path) -> tuple[float, float]:
    """Examples a row, and an example's mean length as a share of its row's; (1, 1) where conversations stay whole.

    `folder` is the recipe's. Only JSONL files are looked at, and only under an official template.
    """
    if plan.chat.turns != "split" or not plan.chat.official:
        return 1.0, 1.0
    template = TemplateRenderer(plan.chat.template)
    found = [_count_source(source, template, plan.chat.train_on, folder) for source in plan.data.train if source.path]
    rows = len(found) or 1
    return sum(examples for examples, _ in found) / rows or 1.0, sum(share for _, share in found) / rows or 1.0


def _count_source(source: SourcePlan, template: TemplateRenderer, train_on: str, folder: Path) -> tuple[float, float]:
    paths = [path for path in list_source_files(source.path or "", folder) if path.suffix == ".jsonl"]

    def render_examples(record: object) -> list[str]:
        options = RowOptions(source.roles, source.prompt_style)
        row = normalize_row(record, source.format, dict(source.columns), options)
        examples = template.make_examples(row, "split", train_on)
        return [text for one in (row, *examples) for text in template.render_row(one)]

    return count_examples(paths, render_examples)
