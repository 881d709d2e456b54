"""The switches of `recipes run`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunFlags:
    """The switches of the command line."""

    resume: bool
    locked: bool
    dry_run: bool
    force: bool
    quiet: bool
    verbose: bool
