"""Write everything that is generated, or with --check tell what is not current (exit 1).

The recipe's schema, the guards' pages, and README's blocks: help text, a recipe, and what each framework receives.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from qwen_recipes.backends import load_backends
from qwen_recipes.cli import main as recipes
from qwen_recipes.compile import CompiledRecipe, compile_recipe
from qwen_recipes.compile.field_probes import FIELD_PROBES as PROBED_FIELDS
from qwen_recipes.compile.support_matrix import build_support_matrix, describe_cell
from qwen_recipes.guards import Guard, load_guards
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.recipe.schema import SCHEMA_FILES, Draft, build_recipe_schema
from qwen_recipes.recipe.spec.validator import FILE as CORE_SCHEMA_FILE
from research.curves import curves_page
from research.estimates import estimates_page
from research.faults import faults_page
from research.gotchas.gotchas_page import render_page as render_gotchas_page
from research.measurements import strategies_page
from research.parity import parity_page
from research.training.trained_page import render_trained_page
from tools import demonstrations_page, layouts_table, trainer_page
from tools.core_schema_file import render_core_schema

ROOT = Path(__file__).parent.parent
EXAMPLE_RECIPE = ROOT / "examples" / "one-24gb-card.yaml"
FIELDS = [
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
    "method.dropout",
    "training.gradient_checkpointing",
    "training.seed",
]


def render_schema(draft: Draft) -> str:
    return json.dumps(build_recipe_schema(draft), indent=2, ensure_ascii=False) + "\n"


def render_guard_page(guard: Guard) -> str:
    about = ", ".join(f"{b} {guard.versions.get(b, '')}".strip() for b in guard.backends) or "every backend"
    body = re.sub(r"^(What|Why it matters|Evidence|Instead):\n", r"## \1\n\n", guard.docstring.strip(), flags=re.M)
    title, _, rest = body.partition("\n")
    facts = f"`{guard.name}` · {guard.severity} · confidence {guard.confidence} · {about}"
    head = f"# {guard.code}: {title.rstrip('.')}\n\n{facts}\n"
    return f"{head}{rest.rstrip()}\n"


def render_guard_index() -> str:
    shown = "Those that the project was founded on, each shown at work: [demonstrations](../demonstrations.md).\n\n"
    rows = [f"| [{g.code}]({g.code}.md) | {g.severity} | {g.title} |" for g in load_guards()]
    return f"# Guards\n\n{shown}" + "| code | default | rule |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def help_text(compiled: CompiledRecipe) -> dict[str, str]:
    """The plan's fields and how the framework's config states each: `key: value`."""
    config = yaml.safe_load(compiled.files["train.yaml"])
    said: dict[str, str] = {}
    for key, paths in compiled.keys.items():
        for path in paths:
            if "." not in key and path not in said:
                said[path] = f"`{key}: {format_value(config[key])}`"
    return said


def format_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def render_received_table() -> str:
    """A table: our field, and each framework's own words for it."""
    loaded = load_recipe(str(EXAMPLE_RECIPE))
    columns = {b.title: help_text(compile_recipe(loaded, b, ROOT / "compiled" / "x" / b.name)) for b in load_backends()}
    lines = ["| of the plan | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for field in FIELDS:
        cells = [column.get(field, "its rows are prepared so") for column in columns.values()]
        lines.append(f"| `{field}` | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def render_matrix_page() -> str:
    """Every field of the spec, and how each framework is told it."""
    cells = {
        (cell.field, cell.backend): describe_cell(cell) for b in load_backends() for cell in build_support_matrix(b)
    }
    head = " | ".join(f"{b.title} {b.version}" for b in load_backends())
    rows = [
        f"| `{field}` | {' | '.join(cells[field, b.name].replace('|', '/') for b in load_backends())} |"
        for field in PROBED_FIELDS
    ]
    return (
        "# Fields and frameworks\n\n"
        "Made by `tools/generate_docs.py` from what the compiler records for a probe of each field; "
        "`recipes backends --matrix` prints the same.\n\n"
        "- **native**: the framework's config says it, at the keys named\n"
        "- **emulated**: by prepared rows, the launcher, another file, or several keys that follow from it\n"
        "- **unsupported**: compiling the probe is refused; the reason says when\n\n"
        f"Fields that only `recipes` itself reads (`version`, `run.backend`, `allow`, …) are not listed.\n\n"
        f"| field | {head} |\n|---|{'---|' * len(load_backends())}\n"
        + "\n".join(rows)
        + "\n\n"
        + parity_page.render_unavoidable()
        + "\n"
        + _render_two_gpu_section()
    )


def _render_two_gpu_section() -> str:
    return "\n".join(["## Run on two GPUs", "", strategies_page.ABOUT, "", *strategies_page.render_overview(), ""])


def render_help(*words: str) -> str:
    result = CliRunner().invoke(recipes, [*words, "--help"], prog_name="recipes", terminal_width=100)
    return "```console\n$ recipes " + " ".join([*words, "--help"]) + "\n" + result.output.rstrip() + "\n```"


def render_recipe() -> str:
    return "```yaml\n" + EXAMPLE_RECIPE.read_text("utf-8").rstrip() + "\n```"


def fill_blocks(name: str, blocks: dict[str, Callable[[], str]]) -> str:
    """A page whose marked blocks are made anew."""
    text = (ROOT / name).read_text("utf-8")
    for block, make in blocks.items():
        pattern = rf"(<!-- generated: {block} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda m, make=make: f"{m[1]}{make()}\n{m[2]}", text, flags=re.S)
    return text


def render_traps_page() -> str:
    """The frameworks' traps as tests/traps names them, and what is compiled instead."""
    tested = "Each is tested in `tests/unit/compile/test_traps.py`: a recipe, and what comes of it."
    text = f"# The frameworks' traps\n\n{tested}\n"
    for backend in load_backends():
        traps = yaml.safe_load((ROOT / "tests" / "traps" / f"{backend.name}.yaml").read_text("utf-8"))
        lines = [f"| {trap['trap']} | {describe_avoidance(trap)} |" for trap in traps]
        text += f"\n## {backend.title}\n\n| left alone | here |\n|---|---|\n" + "\n".join(lines) + "\n"
    return text


def describe_avoidance(trap: dict[str, Any]) -> str:
    """How a trap is avoided, in the words of its test."""
    if "refused" in trap:
        return f"refused at `{trap['refused']}`"
    told = [f"`{key}: {format_value(value)}`" for part in ("told", "lock") for key, value in trap.get(part, {}).items()]
    told += [f"`{key}` is stated" for key in trap.get("has", [])]
    told += [f"no `{key}`" for key in trap.get("silent", [])]
    told += [f"`{key}` has {', '.join(inner)} alone" for key, inner in trap.get("only", {}).items()]
    told += [f"no `{json.dumps(value)}` anywhere" for value in trap.get("never", [])]
    told += [f"rows are prepared, `{key}: {value}`" for key, value in trap.get("rows", {}).items()]
    told += [f"`{text}` in {name}" for name, text in trap.get("file", {}).items()]
    told += [f"`{text}` in run.sh" for text in trap.get("script", [])]
    return "; ".join(told).replace("|", "\\|")


def render_all_files() -> dict[Path, str]:
    pages = {ROOT / "docs" / "guards" / f"{g.code}.md": render_guard_page(g) for g in load_guards()}
    schemas = {ROOT / "schemas" / file: render_schema(draft) for draft, file in SCHEMA_FILES.items()}
    return {
        **schemas,
        ROOT / "docs" / "guards" / "README.md": render_guard_index(),
        ROOT / "docs" / "trained.md": render_trained_page(),
        ROOT / "docs" / "demonstrations.md": demonstrations_page.render_page(),
        ROOT / "docs" / "gotchas.md": render_gotchas_page(),
        ROOT / "docs" / "traps.md": render_traps_page(),
        ROOT / "docs" / "estimates.md": estimates_page.render_page(),
        ROOT / "docs" / "estimates.svg": estimates_page.render_plot(),
        ROOT / "docs" / "curves.md": curves_page.render_page(),
        **{ROOT / "docs" / name: text for name, text in curves_page.render_plots().items()},
        ROOT / "README.md": fill_blocks(
            "README.md",
            {"help": render_help, "recipe": render_recipe, "received": render_received_table}
            | {"curves": curves_page.render_readme},
        ),
        ROOT / "docs" / "running.md": fill_blocks("docs/running.md", {"faults": faults_page.render_table}),
        ROOT / "docs" / "data.md": fill_blocks("docs/data.md", {"layouts": layouts_table.render_table}),
        ROOT / "docs" / "matrix.md": render_matrix_page(),
        ROOT / "docs" / "trainer.md": trainer_page.render_page(),
        ROOT / "docs" / "parity.md": parity_page.render_page(),
        ROOT / "docs" / "strategies.md": strategies_page.render_page(),
        **pages,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = write_stale_files({CORE_SCHEMA_FILE: render_core_schema()}, check)
    if stale and check:
        return 1  # the pages hold recipes against it
    return 1 if write_stale_files(render_all_files(), check) and check else 0


def write_stale_files(files: dict[Path, str], check: bool) -> bool:
    """Write the files whose text is another, or only name them; whether there are any."""
    stale = {p: text for p, text in files.items() if not p.is_file() or p.read_text("utf-8") != text}
    for path, text in stale.items():
        print(f"{'not current' if check else 'written'}: {path.relative_to(ROOT)}", file=sys.stderr)
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
