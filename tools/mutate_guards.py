"""Flip every condition of every guard, one at a time, and see that its cases in tests/guards notice.

A condition is an `if`, a comparison, an `and` or `or`, and a `not`, wherever it stands in the guard's module. Prints
those that no case notices, and exits 1 where there is one. All of it takes seconds: a guard only looks at a plan.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml

from qwen_recipes.backends import list_backend_names, load_backend
from qwen_recipes.guards import Guard, GuardContext, Violation, get_guard_module, list_guard_codes, load_guard
from qwen_recipes.recipe.load import load_recipe_text
from qwen_recipes.resolve import resolve

ROOT = Path(__file__).parent.parent
MINIMAL_RECIPE = {"version": 1, "model": "Qwen/Qwen3-4B", "data": {"train": "rows.jsonl"}}
BACKENDS = list_backend_names()
NEGATED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip


@dataclass(frozen=True)
class GuardCase:
    """A recipe as a guard sees it, and what is expected of the guard; `fixed` is None where it has no fix."""

    facts: GuardContext
    fails: bool
    line: int | None = None
    says: str = ""
    recipe: Any = None
    fixed: Any = None


@dataclass(frozen=True)
class Mutant:
    """One condition flipped: where, and the condition as it then is."""

    code: str
    line: int
    text: str
    tree: ast.Module


def merge_recipe(base: Any, changes: Any) -> Any:
    """`base` with `changes` laid over it, map by map; a None takes the key away."""
    if not (isinstance(base, dict) and isinstance(changes, dict)):
        return changes
    both = {**base, **{key: merge_recipe(base.get(key), value) for key, value in changes.items()}}
    return {key: value for key, value in both.items() if value is not None}


def build_facts(case: dict[str, Any], recipe: Any, folder: Path) -> GuardContext:
    """What a guard sees of a case, with the files that it wants beside it."""
    for name, content in case.get("files", {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content), "utf-8")
    backend = load_backend(case["backend"])
    backend = replace(backend, version=case["version"]) if "version" in case else backend
    loaded = load_recipe_text(
        yaml.safe_dump(merge_recipe(MINIMAL_RECIPE, recipe), sort_keys=False), "recipe.yaml", folder
    )
    loaded = replace(loaded, packages=((backend.name, tuple(case.get("packages", ()))),))
    return GuardContext(resolve(loaded, backend), loaded, backend)


def passes_case(guard: Guard, case: GuardCase) -> bool:
    """Whether a guard does what its case asks; a crash is wrong."""
    try:
        hits = list(guard.check(case.facts)) if is_concerned(guard, case.facts) else []
    except Exception:
        return False
    return len(hits) == 1 and matches_case(hits[0], case) if case.fails else not hits


def is_concerned(guard: Guard, facts: GuardContext) -> bool:
    return guard.applies_to(facts.backend.name, facts.plan.backend_version)


def matches_case(hit: Violation, case: GuardCase) -> bool:
    """Whether a hit stands where the case says, in its words, with its fix."""
    document = case.facts.loaded.document
    if document.find_node(hit.route) is None or case.line not in (None, document.span(hit.route).line):
        return False
    if case.says not in f"{hit.message}. {hit.suggestion}." or (hit.fix is None) != (case.fixed is None):
        return False
    made = case.recipe
    for path, value in hit.fix.sets if hit.fix else ():
        made = merge_recipe(made, nest_value(path, value))
    return case.fixed is None or bool(made == case.fixed)


def nest_value(path: str, value: Any) -> Any:
    for step in reversed(path.split(".")):
        value = {step: value}
    return value


def load_cases(code: str, folder: Path) -> Iterator[GuardCase]:
    """A guard's cases, their fixed recipes, which pass, and the shortest recipe for each backend, which does too."""
    text = (ROOT / "tests" / "guards" / f"{code}.yaml").read_text("utf-8")
    for number, case in enumerate(yaml.safe_load(text)["cases"]):
        place, recipe, fixed = folder / f"{code}-{number}", case["recipe"], case.get("fixed")
        facts = build_facts(case, recipe, place)
        yield GuardCase(facts, case["expect"] == "fail", case.get("line"), case.get("says", ""), recipe, fixed)
        if fixed is not None:
            yield GuardCase(build_facts(case, fixed, place), fails=False)
    for backend in [name for name in BACKENDS if not load_backend(name).unmaintained]:
        yield GuardCase(build_facts({"backend": backend}, {}, folder), fails=False)


def make_mutants(code: str) -> Iterator[Mutant]:
    """Every condition of a guard's module, flipped alone."""
    source = Path(str(import_module(f"qwen_recipes.guards.{get_guard_module(code)}").__file__)).read_text("utf-8")
    tree = ast.parse(source)
    count = sum(1 for node in ast.walk(tree) for _ in find_flips(node))
    told = set()
    for number in range(count):
        changed = copy.deepcopy(tree)
        node, flip = [(node, flip) for node in ast.walk(changed) for flip in find_flips(node)][number]
        line = getattr(node, "lineno", 0)
        text = flip(node)
        whole = ast.unparse(changed)
        if whole not in told:
            told.add(whole)
            yield Mutant(code, line, text, changed)


def find_flips(node: ast.AST) -> Iterator[Any]:
    """The ways to flip this node: each changes it in place and returns the condition as it then is."""
    if isinstance(node, (ast.If, ast.IfExp)):
        yield negate_test
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        yield negate_comparison
    if isinstance(node, ast.BoolOp):
        yield swap_operator
    if isinstance(node, ast.comprehension) and node.ifs:
        yield negate_filter


def negate_test(node: Any) -> str:
    node.test = ast.fix_missing_locations(ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test))
    return ast.unparse(node.test)


def negate_comparison(node: Any) -> str:
    node.ops = [NEGATED[type(node.ops[0])]()]
    return ast.unparse(node)


def swap_operator(node: Any) -> str:
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return ast.unparse(node)


def negate_filter(node: Any) -> str:
    node.ifs = [ast.fix_missing_locations(ast.copy_location(ast.UnaryOp(ast.Not(), i), i)) for i in node.ifs]
    return ast.unparse(node)


def load_mutated_guard(mutant: Mutant) -> Guard:
    names: dict[str, Any] = {"__name__": f"qwen_recipes.guards.{get_guard_module(mutant.code)}"}
    exec(compile(mutant.tree, f"{mutant.code} flipped", "exec"), names)
    guard: Guard = names["GUARD"]
    return guard


def find_survivors(code: str, folder: Path) -> tuple[int, list[Mutant]]:
    """How many conditions a guard has, and those whose flip none of its cases notices."""
    cases = list(load_cases(code, folder))
    assert all(passes_case(load_guard(code), case) for case in cases), f"{code}: its own cases come out wrong"
    flipped = list(make_mutants(code))
    return len(flipped), [one for one in flipped if all(passes_case(load_mutated_guard(one), case) for case in cases)]


def list_recipe_guards() -> list[str]:
    """Codes of the guards that judge a recipe now."""
    return [code for code in list_guard_codes() if not load_guard(code).checked_by]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codes", nargs="*", help="guards to flip (default: all)")
    codes = [code.upper() for code in parser.parse_args().codes] or list_recipe_guards()
    flipped, left = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for code in codes:
            count, alive = find_survivors(code, Path(folder))
            flipped, left = flipped + count, left + len(alive)
            for one in alive:
                print(f"{one.code}, line {one.line}: nothing notices `{one.text}`")
    print(f"{len(codes)} guards, {flipped} conditions flipped, {flipped - left} noticed")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
