"""docs/guards: a page for each guard, from its docstring and its cases in tests/guards."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from qwen_recipes.backends import load_backend
from qwen_recipes.cli import main as recipes
from qwen_recipes.cli.console import text as format_as_text
from qwen_recipes.compile.field_probes import deep_merge
from qwen_recipes.finding import Finding
from qwen_recipes.guards import Guard, load_guards, run_guards
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve

CASES = Path(__file__).parents[2] / "tests" / "guards"
EXAMPLES = Path(__file__).with_name("guard_examples.yaml")
MINIMAL_RECIPE: dict[str, Any] = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "data.jsonl"}}
HEADINGS = {"What": "What", "Why it matters": "Why it matters", "Evidence": "Evidence", "Instead": "How to fix"}
FAMILIES = {
    "QR1": "Parallelism",
    "QR2": "Adapters and quantization",
    "QR3": "Tokenizer, chat template and loss mask",
    "QR4": "Optimization and precision",
    "QR5": "Data",
    "QR6": "Hardware",
    "QR7": "Frameworks and versions",
}
MODELS = {
    "hybrid": "Qwen/Qwen3-4B",
    "base": "Qwen/Qwen3-4B-Base",
    "instruct-2507": "Qwen/Qwen3-4B-Instruct-2507",
    "thinking-2507": "Qwen/Qwen3-4B-Thinking-2507",
}
INDEX_HEAD = """# Guards

A guard is a rule about something that goes wrong when Qwen3 is fine-tuned. `recipes lint` runs the guards on a recipe
or on a framework's own config, and `recipes data check` runs those of QR5xx on the examples. Each has a code, a
severity (error, warning, advice) and a page; `recipes explain QR101` prints the text of the page.

An error stops `recipes compile` and `recipes run`. To suppress a guard, state a reason, which is carried into the
compiled files:

```yaml
allow: {QR101: "measured on our cluster, works"}
```
"""


def render_guard_pages() -> dict[str, str]:
    """Pages by file name, below docs/guards."""
    return {"README.md": render_index(), **{f"{g.code}.md": render_guard_page(g) for g in load_guards()}}


def render_index() -> str:
    """All guards by family."""
    text = INDEX_HEAD
    for prefix, title in FAMILIES.items():
        rows = [
            f"| [{g.code}]({g.code}.md) | {g.severity} | {g.title} |" for g in load_guards() if g.code[:3] == prefix
        ]
        text += f"\n## {title}\n\n| code | severity | rule |\n|---|---|---|\n" + "\n".join(rows) + "\n"
    return text


def render_guard_page(guard: Guard) -> str:
    """What, why, an example before and after, how to fix it, and the evidence."""
    sections = {name: _format_section(guard.get_section(name)) for name in HEADINGS}
    parts = [
        f"# {guard.code}: {guard.title}",
        _render_facts(guard),
        f"## What\n\n{sections['What']}",
        f"## Why it matters\n\n{sections['Why it matters']}",
        *_render_example(guard),
        f"## How to fix\n\n{sections['Instead']}",
        f"## Evidence\n\n{sections['Evidence']}",
    ]
    return "\n\n".join(parts) + "\n"


def _format_section(text: str) -> str:
    """A docstring's text; the pages that it names become links."""
    return re.sub(r"\bdocs/([\w/-]+\.md)\b", r"[docs/\1](../\1)", text)


def _render_facts(guard: Guard) -> str:
    frameworks = ", ".join(load_backend(b).title for b in guard.backends) or "all"
    versions = ", ".join(f"{load_backend(b).title} {v}" for b, v in guard.versions.items()) or "all"
    command = "`recipes data check`" if guard.checked_by else "`recipes lint`, `compile`, `run`"
    rows = {
        "name": f"`{guard.name}`",
        "severity": guard.severity,
        "confidence": guard.confidence,
        "found by": command,
        "frameworks": frameworks,
        "versions": versions,
    }
    return "\n".join(f"- {name}: {value}" for name, value in rows.items())


def _render_example(guard: Guard) -> Iterator[str]:
    notes = _load_examples().get(guard.code, {})
    with _enter_temporary_folder():
        if "files" in notes:
            yield _render_files_example(guard, notes)
        elif (file := CASES / "rows" / f"{guard.code}.yaml").is_file():
            yield _render_row_example(guard, _load_cases(file), notes)
        elif (file := CASES / f"{guard.code}.yaml").is_file():
            yield _render_recipe_example(guard, _load_cases(file), notes)


@cache
def _load_examples() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(EXAMPLES.read_text("utf-8"))
    return loaded


def _load_cases(file: Path) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = yaml.safe_load(file.read_text("utf-8"))["cases"]
    return cases


@contextmanager
def _enter_temporary_folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def _run(command: str) -> str:
    """What `recipes` prints."""
    return CliRunner().invoke(recipes, command.split(), env={"NO_COLOR": "1"}).output


def _render_recipe_example(guard: Guard, cases: list[dict[str, Any]], notes: dict[str, Any]) -> str:
    failing = [case for case in cases if case["expect"] == "fail"]
    best = [case for case in failing if "version" not in case and "fixed" in case]
    case = [*best, *[case for case in failing if "version" not in case], *failing][0]
    _write_files(case.get("files", {}))
    before = _format_recipe(case["recipe"])
    Path("recipe.yaml").write_text(before, "utf-8")
    found = _find_violations(guard, case)
    assert found, f"{guard.code}: the example does not break it"
    text = f"## Example\n\nBefore:\n\n{_fence('yaml', before)}\n\n{_render_lint_output(guard, case, found)}"
    after = notes.get("after", case.get("fixed", _remove_native_keys(case["recipe"])))
    if after is None:
        return text
    Path("recipe.yaml").write_text(_format_recipe(after), "utf-8")
    if _find_violations(guard, case):
        assert "after" not in notes, f"{guard.code}: `after` breaks it as well"
        return text
    note = _describe_fix(found[0]) if "fixed" in case and "after" not in notes else ""
    return f"{text}\n\nAfter:\n\n{_fence('yaml', _format_recipe(after))}{note}"


def _remove_native_keys(recipe: dict[str, Any]) -> dict[str, Any] | None:
    return {key: value for key, value in recipe.items() if key != "backends"} if "backends" in recipe else None


def _describe_fix(finding: Finding) -> str:
    safe = getattr(finding.fix, "safe", False)
    return f"\n\n`recipes lint {'--fix' if safe else '--unsafe-fixes'}` makes this change."


def _format_recipe(recipe: dict[str, Any]) -> str:
    whole = deep_merge(MINIMAL_RECIPE, recipe)
    return yaml.safe_dump(whole, sort_keys=False, default_flow_style=None, width=100, allow_unicode=True)


def _write_files(files: dict[str, Any]) -> None:
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")


def _find_violations(guard: Guard, case: dict[str, Any]) -> list[Finding]:
    backend = load_backend(case["backend"])
    backend = replace(backend, version=case["version"]) if "version" in case else backend
    loaded = load_recipe("recipe.yaml")
    return [f for f in run_guards(resolve(loaded, backend), loaded, backend) if f.code == guard.code]


def _render_lint_output(guard: Guard, case: dict[str, Any], findings: list[Finding]) -> str:
    if "version" in case:  # one that no environment here has
        plain = re.sub(r"\x1b\[\d+m", "", format_as_text(findings)).rstrip()
        return f"For {load_backend(case['backend']).title} {case['version']}:\n\n{_fence('text', plain)}"
    command = f"lint recipe.yaml --backend {case['backend']} --select {guard.code}"
    return _fence("console", f"$ recipes {command}\n{_run(command)}")


def _render_row_example(guard: Guard, cases: list[dict[str, Any]], notes: dict[str, Any]) -> str:
    case = next(case for case in cases if case["expect"] == "fail")
    same = ("format", "variant", "limit")
    good = [c for c in cases if c["expect"] == "pass" and all(c.get(k) == case.get(k) for k in same)]
    good = [c for c in good if "another guard" not in c["name"]]
    after = notes.get("after_row") or (good[0]["row"] if good else None)
    _write_files({"data.jsonl": json.dumps(case["row"], ensure_ascii=False) + "\n"})
    command = f"data check data.jsonl --model {MODELS[case.get('variant', 'hybrid')]}"
    command += f" --format-of {case['format']}" if "format" in case else ""
    command += f" --sequence-length {case['limit']}" if "limit" in case else ""
    text = f"## Example\n\nBefore:\n\n{_fence('json', json.dumps(case['row'], ensure_ascii=False))}\n\n"
    text += _render_findings(guard, command)
    return f"{text}\n\nAfter:\n\n{_fence('json', json.dumps(after, ensure_ascii=False))}" if after else text


def _render_findings(guard: Guard, command: str) -> str:
    """The paragraphs of the report that are this guard's."""
    paragraphs = _run(f"{command} -q --jobs 1").split("\n\n")
    mine = [text.strip("\n") for text in paragraphs if f"[{guard.code}]" in text]
    assert mine, f"{guard.code}: `recipes {command}` does not find it"
    return _fence("console", f"$ recipes {command}\n...\n" + "\n".join(mine) + "\n...")


def _render_files_example(guard: Guard, notes: dict[str, Any]) -> str:
    _write_files(notes["files"])
    shown = "\n\n".join(
        f"`{name}`:\n\n{_fence('json', text)}" if text else f"`{name}` is empty."
        for name, text in notes["files"].items()
    )
    text = f"## Example\n\n{shown}\n\n{_render_findings(guard, notes['command'])}"
    for name, after in notes.get("after", {}).items():
        text += f"\n\nAfter, `{name}`:\n\n{_fence('json', after)}"
    return text


def _fence(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"
