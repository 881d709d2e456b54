"""Data file not found.

What:
A path under `data.train` or `data.validation` does not exist on this machine, or its pattern matches no file.

Why it matters:
`recipes run` stops before training if a data file is missing. A misspelt path is cheaper to find before a GPU is
rented.

Evidence:
Paths are relative to the folder of the recipe. Only whether a file exists is checked; `recipes data check` reads it.

Instead:
Correct the path. If the data is only on the machine that trains, ignore the warning there, or write the reason under
`allow`.
"""

from __future__ import annotations

from collections.abc import Iterator

from qwen_recipes.data.source_files import has_source_files
from qwen_recipes.guards.base import Guard, GuardContext, Violation


def check(context: GuardContext) -> Iterator[Violation]:
    """Sources whose files are not on this machine."""
    folder, data = context.loaded.folder, context.plan.data
    for split, sources in (("train", data.train), ("validation", data.validation)):
        for index, source in enumerate(sources):
            if source.path is not None and not has_source_files(source.path, folder):
                yield Violation(
                    ("data", split, index, "path"),
                    f"{source.path} does not exist (looked in {folder.absolute()})",
                    "correct the path, which is relative to the recipe",
                )


GUARD = Guard("QR610", "data-file-not-found", "warning", "high", __doc__, check)
