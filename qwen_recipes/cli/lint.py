"""`recipes lint`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from qwen_recipes.backends.native_modules import list_native_frameworks
from qwen_recipes.cli.console import REPORTERS, print_bytes, print_machine, print_stderr, print_text
from qwen_recipes.cli.lint_files import PathNotFoundError, find_lint_files, looks_like_recipe
from qwen_recipes.cli.options_and_exits import (
    ExitCode,
    backend_version_option,
    exit_with_error,
    format_option,
    get_asked_stage,
    get_backend_or_exit,
    set_option,
    summarize_findings,
)
from qwen_recipes.finding import Finding
from qwen_recipes.guards.lint import LintedText, lint_recipe, lint_text
from qwen_recipes.guards.lint_settings import LintSettingsError, load_lint_settings, parse_selectors
from qwen_recipes.recipe.overrides import OverrideError
from qwen_recipes.recipe.read_file import RecipeReadError, read_recipe_bytes

if TYPE_CHECKING:
    from qwen_recipes.guards.fixes import FixResult

__all__ = ["command", "lint_recipe"]


@dataclass(frozen=True)
class LintedFile:
    """What is to be said of a file; `unjudged`: which guards could not look at it."""

    findings: list[Finding]
    unjudged: str = ""


@dataclass(frozen=True)
class LintOptions:
    """The options that apply to every file."""

    backend: str | None
    sets: tuple[str, ...]
    select: tuple[str, ...]
    ignore: tuple[str, ...]
    framework: str | None = None
    version: str | None = None
    stage: str = ""

    def lint(self, content: bytes | str, file: str) -> LintedFile:
        """The findings that were asked for. Raises LintSettingsError."""
        from qwen_recipes.guards.unjudged import describe_unjudged_native, describe_unjudged_recipes

        name, folder = ("<stdin>", Path()) if file == "-" else (file, Path(file).parent)
        found = self._lint_native(content, name)
        if found is None:
            linted = self.lint_recipe(content, name, folder, self.sets)
            found, note = linted.findings, describe_unjudged_recipes(linted.recipes)
        else:
            text = content if isinstance(content, str) else content.decode("utf-8-sig", "replace")
            note = describe_unjudged_native(text, self.framework, self.version)
        found = load_lint_settings(file, self.select, self.ignore).apply(found)
        return LintedFile(found, f"{name}: {note}" if note and file != "-" else "")

    def lint_file(self, file: str) -> LintedFile:
        """As `lint`, of a file that is read here. Raises RecipeReadError, LintSettingsError."""
        return self.lint(read_recipe_bytes(file), file)

    def find(self, content: bytes | str, file: str) -> list[Finding]:
        """The findings alone, as `lint`."""
        return self.lint(content, file).findings

    def lint_recipe(self, content: bytes | str, name: str, folder: Path, sets: tuple[str, ...]) -> LintedText:
        """What the guards say of a recipe; where none is an error, also what `compile` would refuse."""
        check_data = not self.select and name != "<stdin>"
        linted = lint_text(
            content, name, folder, self.backend, sets, self.version, check_data=check_data, stage=self.stage
        )
        if any(finding.severity == "error" for finding in linted.findings):
            return linted
        text = content if isinstance(content, str) else content.decode("utf-8", "replace")
        if not (self.backend or "extra" in text or any("extra" in one for one in sets)):
            return linted  # compiling costs as much as linting: only where something may be found
        from qwen_recipes.compile.lint_compiled import find_compile_errors

        more = find_compile_errors(linted.recipes, self.backend, self.version)
        return LintedText(linted.findings + more, linted.recipes)

    def _lint_native(self, content: bytes | str, name: str) -> list[Finding] | None:
        """The findings in a framework's own config; None for anything else."""
        if looks_like_recipe(content) and not self.framework:
            return None
        from qwen_recipes.guards.native.lint_native import lint_if_native

        return lint_if_native(content, name, self.framework, self.version)


@click.command("lint")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--backend", metavar="NAME|all", help="Framework to check for, or `all`. [default: run.backend, else all]"
)
@backend_version_option
@click.option(
    "--as",
    "framework",
    type=click.Choice(list(list_native_frameworks())),
    help="Read the files as configs of this framework. [default: detected]",
)
@click.option("--fix", is_flag=True, help="Apply safe fixes in place; comments and layout are kept.")
@click.option("--unsafe-fixes", is_flag=True, help="Also apply fixes that change what is trained.")
@click.option("--diff", is_flag=True, help="Print the changes --fix would make; write nothing.")
@click.option(
    "--select", multiple=True, metavar="CODES", help="Report only these guards: codes or prefixes, e.g. QR2,QR301."
)
@click.option(
    "--ignore", multiple=True, metavar="CODES", help="Do not report these guards: codes or prefixes, e.g. QR5."
)
@click.option("--statistics", is_flag=True, help="Print counts per code instead of each finding.")
@set_option
@format_option(*REPORTERS)
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
def command(
    paths: tuple[str, ...],
    backend: str | None,
    version: str | None,
    framework: str | None,
    fix: bool,
    unsafe_fixes: bool,
    diff: bool,
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    statistics: bool,
    sets: tuple[str, ...],
    form: str,
    quiet: bool,
) -> None:
    """Check recipes and framework configs for errors and known problems.

    PATH is a file, a glob, `-` for standard input, or a folder. In a folder, *.recipe.yaml and YAML files with
    `version`, `model` and `data`, or `extends` or `stages`, at the top level are checked. Configs and launch scripts of
    Axolotl, LLaMA-Factory, ms-swift and TRL are recognized by their content; with --as, folders are searched for
    configs of that framework.

    Checks run in three steps: names and types of fields, contradictions between fields, guards. A step with errors ends
    the check. A data file that does not exist is a warning. Exit code 1 if there is an error; warnings
    and advice do not fail.

    Settings: `select`, `ignore` and `severity` (code = "error", "warning", "advice" or "off") under
    [tool.qwen-recipes.lint] in pyproject.toml, or [lint] in .recipes.toml.

    Example: recipes lint --fix support.recipe.yaml
    """
    fixes = fix or unsafe_fixes or diff
    if fixes and sets:
        exit_with_error(
            "--set cannot be combined with --fix, --unsafe-fixes or --diff: it changes no file", ExitCode.USAGE
        )
    _check_framework(backend, version, framework)
    try:
        asked = LintOptions(
            backend,
            sets,
            parse_selectors(select, "--select"),
            parse_selectors(ignore, "--ignore"),
            framework,
            version and version.rpartition("==")[2],
            get_asked_stage(),
        )
        files = find_lint_files(paths, framework)
        lint = partial(_fix_file, options=asked, unsafe=unsafe_fixes, diff=diff) if fixes else asked.lint_file
        linted = [_lint_or_explain(file, lint, is_alone=(file,) == paths) for file in files]
    except OverrideError as error:
        exit_with_error(error.findings[0].message, ExitCode.USAGE)
    except (LintSettingsError, RecipeReadError, PathNotFoundError) as error:
        exit_with_error(str(error), ExitCode.USAGE)
    found = [finding for one in linted for finding in one.findings]
    shown = [f for f in found if f.severity == "error"] if quiet else found
    if not (diff or (fixes and "-" in files)):
        _print_findings(shown, files, form, statistics)
    _print_summary(shown, linted, fixable="" if fixes else _describe_fixable(shown))
    sys.exit(ExitCode.INVALID_INPUT if any(f.severity == "error" for f in found) else ExitCode.SUCCESS)


def _check_framework(backend: str | None, version: str | None, framework: str | None) -> None:
    """Exit where the framework is not known, or a version is given and none or several are meant."""
    if version is not None and not (backend or framework):
        exit_with_error("--backend-version needs one framework: add --backend NAME or --as NAME", ExitCode.USAGE)
    if version is not None and backend == "all":
        exit_with_error("--backend-version needs one framework: add --backend NAME", ExitCode.USAGE)
    if framework or backend not in (None, "all"):
        get_backend_or_exit(backend or framework or "", version)


def _print_summary(shown: list[Finding], linted: list[LintedFile], *, fixable: str) -> None:
    """How many files were checked, which guards could not look at them, and what was found."""
    unjudged = [one.unjudged for one in linted if one.unjudged]
    for note in unjudged:
        print_stderr(note)
    counted = f"{len(linted)} file{'s' if len(linted) != 1 else ''} checked"
    summary = summarize_findings(shown) if shown or not unjudged else "no problems found in what was checked"
    print_stderr(f"{counted}, {summary}{fixable}")


def _print_findings(findings: list[Finding], files: list[str], form: str, statistics: bool) -> None:
    if statistics:
        from qwen_recipes.cli.lint_statistics import format_json, format_table

        said = format_json(findings) if form == "json" else format_table(findings)
    else:
        said = REPORTERS[form](findings, files)
    if said:
        (print_text if form == "text" or (statistics and form != "json") else print_machine)(said)


def _lint_or_explain(file: str, lint: Callable[[str], LintedFile], *, is_alone: bool) -> LintedFile:
    """The findings in a file; one that can't be read is an error among those of the others.

    Raises RecipeReadError where it is the only one that was asked for.
    """
    try:
        return lint(file)
    except RecipeReadError as error:
        if is_alone:
            raise
        return LintedFile([Finding("recipe", "error", str(error).removeprefix(f"{file}: "), file=file)])


def _fix_file(file: str, options: LintOptions, unsafe: bool, diff: bool) -> LintedFile:
    """Fix a file, or print the changes. Returns the findings that remain."""
    from qwen_recipes.guards.fixes import fix_text

    content = read_recipe_bytes(file)
    linted = options.lint(content, file)
    if not any(finding.fix for finding in linted.findings):
        _echo_unchanged_stdin(file, content, diff)
        return linted
    text = content.decode("utf-8-sig")
    fixed = fix_text(text, partial(options.find, file=file), unsafe=unsafe)
    for finding, why in fixed.dropped:
        print_stderr(f"{finding.file}: {finding.code} not fixed: {why}")
    if diff:
        _print_diff(file, text, fixed)
        return linted
    _write_fixed(file, content, text, fixed)
    return options.lint(fixed.text, file)


def _echo_unchanged_stdin(file: str, content: bytes, diff: bool) -> None:
    """Standard input goes to standard output also where nothing is to fix."""
    if file == "-" and not diff:
        print_bytes(content)


def _print_diff(file: str, text: str, fixed: FixResult) -> None:
    import difflib

    lines = difflib.unified_diff(text.splitlines(True), fixed.text.splitlines(True), file, file)
    print_text("".join(line if line.endswith("\n") else f"{line}\n" for line in lines), nl=False)


def _write_fixed(file: str, content: bytes, text: str, fixed: FixResult) -> None:
    """Write what changed; standard input goes to standard output in any case."""
    mark = b"\xef\xbb\xbf" if content.startswith(b"\xef\xbb\xbf") else b""
    if file == "-":
        print_bytes(mark + fixed.text.encode())
    elif fixed.text != text:
        from qwen_recipes.filesystem.replace_file import replace_file

        try:
            replace_file(Path(file), mark + fixed.text.encode())
        except OSError as error:
            exit_with_error(f"{file}: cannot write: {error.strerror}", ExitCode.USAGE)
    for finding in fixed.applied:
        print_stderr(f"{finding.file}: {finding.code} fixed: {finding.message}")


def _describe_fixable(findings: list[Finding]) -> str:
    """How many findings --fix and --unsafe-fixes can fix."""
    if not any(finding.fix for finding in findings):
        return ""
    from qwen_recipes.guards.fixes import is_fixable

    safe = sum(is_fixable(f, unsafe=False) for f in findings)
    unsafe = sum(is_fixable(f, unsafe=True) for f in findings) - safe
    said = [f"{safe} fixable with --fix"] if safe else []
    return "; " + ", ".join([*said, f"{unsafe} {'' if safe else 'fixable '}with --unsafe-fixes"] if unsafe else said)
