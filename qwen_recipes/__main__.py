"""Where `recipes` and `python -m qwen_recipes` start. The version is told before anything else is loaded."""

from __future__ import annotations

import atexit
import gc
import os
import sys

from qwen_recipes import __version__


def start() -> None:
    """Run the command line; its exit code ends the process."""
    _replace_closed_streams()
    _leave_out_current_folder()
    gc.set_threshold(100_000, 50, 50)  # importing makes many objects and no garbage
    atexit.register(gc.freeze)  # else exiting looks through all of them twice
    try:
        if sys.argv[1:] in (["--version"], ["-V"]):
            sys.stdout.write(f"recipes, version {__version__}\n")
            sys.stdout.flush()
            return
        from qwen_recipes.cli import main

        main(prog_name="recipes")
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:  # what click itself prints, such as help
        sys.stderr.write(f"recipes: cannot write to standard output: {error.strerror}\n")
        sys.exit(2)


def _leave_out_current_folder() -> None:
    """Import nothing from the folder one stands in, which `python -m` and an empty PYTHONPATH put first.

    Nor are its packages' entry points looked at. Where this package itself lies in that folder, it stays.
    """
    try:
        here = os.path.realpath(os.curdir)
    except OSError:
        return
    if here != os.path.realpath(f"{__file__}/../.."):
        sys.path[:] = [folder for folder in sys.path if os.path.realpath(folder or here) != here]


def _replace_closed_streams() -> None:
    """Where a shell closed standard output or error (`>&-`), what is printed goes nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123


if __name__ == "__main__":
    start()
