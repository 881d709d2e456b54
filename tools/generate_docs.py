"""Write everything that is generated; with --check print what is not current and exit 1.

    python -m tools.generate_docs [--check]

The recipe's schema and parts, the reference pages and guards' pages in docs/, and the pages with measurements.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

from qwen_recipes.backends.tested_objectives import FILE as TESTED_OBJECTIVES_FILE
from qwen_recipes.recipe.schema import SCHEMA_FILES, Draft, build_recipe_schema
from qwen_recipes.recipe.spec.validator import FILE as CORE_SCHEMA_FILE
from research.curves import curves_page
from research.estimates import estimates_page
from research.faults import faults_page
from research.measurements import reading_page, speed_page, strategies_page
from research.parity import parity_page
from research.structure import ownership_table
from research.training.trained_page import render_trained_page
from tools import layouts_table, trainer_page
from tools.core_schema_file import render_core_schema
from tools.docs import (
    catalog_pages,
    command_page,
    examples_page,
    field_pages,
    flash_attention_tables,
    framework_pages,
    guard_pages,
    python_page,
)
from tools.tested_objectives import render_tested_objectives

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
GENERATED_FOLDERS = (DOCS / "guards", DOCS / "reference" / "fields")
"""Folders in which nothing else lies: a page that nothing writes any more is removed."""


def render_schema(draft: Draft) -> str:
    return json.dumps(build_recipe_schema(draft), indent=2, ensure_ascii=False) + "\n"


def fill_blocks(name: str, blocks: dict[str, Callable[[], str]]) -> str:
    """A page whose marked blocks are written again."""
    text = (ROOT / name).read_text("utf-8")
    for block, make in blocks.items():
        pattern = rf"(<!-- generated: {block} -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda m, make=make: f"{m[1]}{make()}\n{m[2]}", text, flags=re.S)
    return text


def render_all_files() -> dict[Path, str]:
    reference, research = DOCS / "reference", DOCS / "research"
    return {
        **{ROOT / "schemas" / file: render_schema(draft) for draft, file in SCHEMA_FILES.items()},
        **{DOCS / "guards" / name: text for name, text in guard_pages.render_guard_pages().items()},
        **{reference / "fields" / name: text for name, text in field_pages.render_field_pages().items()},
        TESTED_OBJECTIVES_FILE: render_tested_objectives(),
        reference / "commands.md": command_page.render_commands_page(),
        reference / "exit-codes.md": catalog_pages.render_exit_codes_page(),
        reference / "models.md": catalog_pages.render_models_page(),
        reference / "gpus.md": catalog_pages.render_gpus_page(),
        reference / "frameworks.md": framework_pages.render_frameworks_page(),
        reference / "python-api.md": fill_blocks("docs/reference/python-api.md", {"api": python_page.render_api}),
        reference / "data-formats.md": fill_blocks(
            "docs/reference/data-formats.md", {"layouts": layouts_table.render_table}
        ),
        DOCS / "how-to" / "examples.md": examples_page.render_examples_page(),
        DOCS / "how-to" / "flash-attention.md": fill_blocks(
            "docs/how-to/flash-attention.md",
            {
                "packages": flash_attention_tables.render_packages,
                "sources": flash_attention_tables.render_sources,
                "frameworks": flash_attention_tables.render_frameworks,
            },
        ),
        research / "framework-defaults.md": framework_pages.render_defaults_page(),
        research / "training-runs.md": render_trained_page(),
        research / "memory-estimates.md": estimates_page.render_page(),
        research / "memory-estimates.svg": estimates_page.render_plot(),
        research / "trainer-values.md": trainer_page.render_page(),
        research / "token-parity.md": parity_page.render_page(),
        research / "loss-curves.md": curves_page.render_page(),
        **{research / name: text for name, text in curves_page.render_plots().items()},
        research / "strategies.md": strategies_page.render_page(),
        research / "speed-of-defaults.md": speed_page.render_page(),
        research / "resume.md": fill_blocks("docs/research/resume.md", {"faults": faults_page.render_table}),
        ROOT / "research/structure/README.md": fill_blocks(
            "research/structure/README.md", {"ownership": ownership_table.render_table}
        ),
        ROOT / "SECURITY.md": fill_blocks("SECURITY.md", reading_page.list_blocks()),
        ROOT / "README.md": fill_blocks("README.md", {"curves": curves_page.render_readme}),
        DOCS / "README.md": fill_blocks(
            "docs/README.md",
            {"recipe": framework_pages.render_example_recipe, "received": framework_pages.render_received_table},
        ),
    }


def find_leftovers(files: dict[Path, str]) -> list[Path]:
    """Pages in folders of generated pages that nothing writes."""
    return [page for folder in GENERATED_FOLDERS for page in sorted(folder.glob("*.md")) if page not in files]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = write_stale_files({CORE_SCHEMA_FILE: render_core_schema()}, check)
    if stale and check:
        return 1  # the pages hold recipes against it
    files = render_all_files()
    stale = write_stale_files(files, check)
    leftovers = find_leftovers(files)
    for path in leftovers:
        print(f"{'not generated' if check else 'removed'}: {path.relative_to(ROOT)}", file=sys.stderr)
        if not check:
            path.unlink()
    return 1 if check and (stale or leftovers) else 0


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
