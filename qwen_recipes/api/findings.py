"""`lint`: what `recipes lint` finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from qwen_recipes.api.recipe import Recipe, dump_yaml
from qwen_recipes.cli.console import text
from qwen_recipes.cli.lint import LintOptions
from qwen_recipes.cli.options_and_exits import summarize_findings
from qwen_recipes.finding import Finding
from qwen_recipes.recipe.read_file import read_recipe_bytes


class Findings(list[Finding]):
    """Findings in the order of the file. Printed as `recipes lint` prints them; a notebook shows a table."""

    @property
    def errors(self) -> list[Finding]:
        """The findings that `compile` and `run` refuse."""
        return [finding for finding in self if finding.severity == "error"]

    @property
    def ok(self) -> bool:
        """Whether there is no error; warnings and advice do not fail."""
        return not self.errors

    def __str__(self) -> str:
        import click

        return click.unstyle("\n".join([text(self), summarize_findings(self)]).strip())

    def _repr_html_(self) -> str:
        from qwen_recipes.reports.notebook import render_findings

        return render_findings(self, summarize_findings(self))


def lint(
    recipe: Recipe | str | Path | Mapping[str, object],
    backend: str | None = None,
    *,
    backend_version: str | None = None,
) -> Findings:
    """Check a recipe: a `Recipe`, a file of a recipe or of a framework's config, or a map with a recipe's keys.

    A recipe that does not load has its problems among the findings. `backend` is a framework's name or `all`; without
    one, `run.backend`, else all. Raises RecipeReadError for a file that can't be read.
    """
    options = LintOptions(backend, (), (), (), None, backend_version)
    if isinstance(recipe, Recipe):
        return Findings(options.lint_recipe(recipe._text, recipe.file, recipe.folder, recipe._overrides).findings)
    if isinstance(recipe, Mapping):
        return Findings(options.lint_recipe(dump_yaml(recipe), "recipe.yaml", Path(), ()).findings)
    return Findings(options.find(read_recipe_bytes(str(recipe)), str(recipe)))
