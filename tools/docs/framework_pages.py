"""docs/reference/frameworks.md and docs/research/framework-defaults.md: fields and defaults, framework by framework."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.backends import load_backends
from qwen_recipes.backends.tested_objectives import OBJECTIVES, load_tested_objectives
from qwen_recipes.compile import CompiledRecipe, compile_recipe
from qwen_recipes.compile.field_probes import FIELD_PROBES
from qwen_recipes.compile.support_matrix import describe_tested_objective
from qwen_recipes.recipe.load import load_recipe
from research.measurements import strategies_page
from research.parity import parity_page
from tools.docs.field_pages import describe_support
from tools.support_cells import load_support_cells

ROOT = Path(__file__).parents[2]
EXAMPLE_RECIPE = ROOT / "examples" / "one-24gb-card.yaml"
EXAMPLE_FIELDS = (
    "training.learning_rate",
    "training.scheduler",
    "training.warmup.ratio",
    "training.beta2",
    "training.weight_decay",
    "training.sequence_length",
    "training.overlong",
    "training.micro_batch_size",
    "training.gradient_accumulation",
    "method.rank",
    "method.alpha",
    "training.gradient_checkpointing",
    "training.seed",
)
HEAD = """# Fields and frameworks

What each framework receives for each field of a recipe; `recipes backends --matrix` prints the same. A cell names the
keys of the framework's own config that carry the field, or the other file that does, or why it is unsupported.
Fields that only `recipes` reads (`version`, `allow`, ...) are not listed. Every field has a section of its own in the
[reference of fields](fields/README.md).
"""
TESTED = """## What was tested

For each objective, what this repository's committed results show; `recipes backends` prints the same. *Parsed*: the
framework's own parser read a compiled config. *Seen at the trainer*: what stood at its trainer was compared with the
recipe. *Not run*: it compiles, but was not tested further.
"""
DEFAULTS_HEAD = """# Defaults of the frameworks

What each framework does when a config leaves it open, and what `recipes` compiles instead, so that all three train the
same. Every row is a test (`tests/unit/compile/test_traps.py`, and `tests/conformance/test_traps.py` in the real
frameworks).
"""


def render_frameworks_page() -> str:
    """Every field by framework."""
    backends = load_backends()
    cells = {key: describe_support(cell) for key, cell in load_support_cells().items()}
    rows = [
        f"| `{field}` | {' | '.join(cells[field, b.name].replace('|', '/') for b in backends)} |"
        for field in FIELD_PROBES
    ]
    head = " | ".join(f"{b.title} {b.version}" for b in backends)
    table = f"| field | {head} |\n|---|{'---|' * len(backends)}\n" + "\n".join(rows)
    table = f"{render_tested_table()}\n\n## Fields\n\n{table}"
    two_gpus = ["## Strategies on two GPUs", "", strategies_page.ABOUT, "", *strategies_page.render_overview(), ""]
    return f"{HEAD}\n{table}\n\n{parity_page.render_unavoidable()}\n" + "\n".join(two_gpus)


def render_tested_table() -> str:
    """What was run, by objective and framework."""
    backends = load_backends()
    tested = {backend.name: load_tested_objectives(backend.name) for backend in backends}
    lines = [TESTED, "| objective | " + " | ".join(b.title for b in backends) + " |", "|---|" + "---|" * len(backends)]
    for objective in OBJECTIVES:
        cells = (describe_tested_objective(b, objective, tested[b.name]) for b in backends)
        lines.append(f"| `{objective}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def render_received_table() -> str:
    """Fields of an example, and each framework's own line for them."""
    loaded = load_recipe(str(EXAMPLE_RECIPE))
    columns = {
        b.title: _list_lines(compile_recipe(loaded, b, ROOT / "compiled" / "x" / b.name))
        for b in load_backends()
        if b.takes_any_recipe
    }
    lines = ["| field | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for field in EXAMPLE_FIELDS:
        lines.append(
            f"| `{field}` | "
            + " | ".join(column.get(field, "in the prepared examples") for column in columns.values())
            + " |"
        )
    return "\n".join(lines)


def _list_lines(compiled: CompiledRecipe) -> dict[str, str]:
    """Fields of the plan, and the line of the framework's config that has each."""
    config = yaml.safe_load(compiled.files["train.yaml"])
    lines: dict[str, str] = {}
    for key, paths in compiled.keys.items():
        for path in paths:
            if "." not in key and path not in lines:
                lines[path] = f"`{key}: {format_value(config[key])}`"
    return lines


def format_value(value: Any) -> str:
    """A value as YAML has it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def render_example_recipe() -> str:
    """The example, as a block."""
    lines = [line for line in EXAMPLE_RECIPE.read_text("utf-8").splitlines() if not line.startswith("#")]
    return "```yaml\n" + "\n".join(lines) + "\n```"


def render_defaults_page() -> str:
    """Each framework's defaults as tests/traps names them, and what is compiled instead."""
    text = DEFAULTS_HEAD
    for backend in filter(lambda one: one.takes_any_recipe, load_backends()):
        traps = yaml.safe_load((ROOT / "tests" / "traps" / f"{backend.name}.yaml").read_text("utf-8"))
        rows = [f"| {trap['trap']} | {_describe_avoidance(trap)} |" for trap in traps]
        text += f"\n## {backend.title}\n\n| left open | compiled |\n|---|---|\n" + "\n".join(rows) + "\n"
    return text


def _describe_avoidance(trap: dict[str, Any]) -> str:
    """What is compiled, as the test states it."""
    if "refused" in trap:
        return f"refused at `{trap['refused']}`"
    parts = [
        f"`{key}: {format_value(value)}`" for part in ("told", "lock") for key, value in trap.get(part, {}).items()
    ]
    parts += [f"`{key}` is set" for key in trap.get("has", [])]
    parts += [f"no `{key}`" for key in trap.get("silent", [])]
    parts += [f"`{key}` has only {', '.join(inner)}" for key, inner in trap.get("only", {}).items()]
    parts += [f"no `{json.dumps(value)}` anywhere" for value in trap.get("never", [])]
    parts += [f"prepared examples, `{key}: {value}`" for key, value in trap.get("rows", {}).items()]
    parts += [f"`{text}` in {name}" for name, text in trap.get("file", {}).items()]
    parts += [f"`{text}` in run.sh" for text in trap.get("script", [])]
    return "; ".join(parts).replace("|", "\\|")
