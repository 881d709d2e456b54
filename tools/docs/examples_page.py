"""docs/how-to/examples.md: the recipes in examples/, each with what it is for."""

from __future__ import annotations

from pathlib import Path

import yaml

EXAMPLES = Path(__file__).parents[2] / "examples"
HEAD = """# Examples

Complete recipes, also in the folder `examples/`. Copy one, change `data` and `hardware`, and run `recipes lint` on it.
"""
GROUPS = {
    "sft": "Supervised fine-tuning",
    "pretrain": "Pre-training",
    "dpo": "Preferences and rewards",
}


def render_examples_page() -> str:
    """All examples, by objective."""
    sections: dict[str, list[str]] = {title: [] for title in GROUPS.values()}
    for file in sorted(EXAMPLES.glob("*.yaml")):
        text = file.read_text("utf-8")
        objective = yaml.safe_load(text).get("objective", "sft")
        kind = objective["type"] if isinstance(objective, dict) and "type" in objective else objective
        title = GROUPS.get(kind if isinstance(kind, str) else "sft", GROUPS["dpo"])
        sections[title].append(_render_example(file.name, text))
    parts = [f"## {title}\n\n" + "\n".join(examples) for title, examples in sections.items() if examples]
    return HEAD + "\n" + "\n".join(parts)


def _render_example(name: str, text: str) -> str:
    lines = text.splitlines()
    comments = [line.removeprefix("#").strip() for line in lines if line.startswith("#") and "$schema=" not in line]
    recipe = "\n".join(line for line in lines if not line.startswith("#"))
    return f"### {name}\n\n{' '.join(comments)}\n\n```yaml\n{recipe.strip()}\n```\n"
