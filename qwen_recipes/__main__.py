"""Where `recipes` and `python -m qwen_recipes` start. The version is told before anything else is loaded."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from contextlib import suppress

from qwen_recipes import __version__


def start() -> None:
    """Run the command line; its exit code ends the process."""
    _replace_closed_streams()
    _replace_odd_encodings()
    _leave_out_odd_sizes()
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
        _exit_unprinted(error)


def _exit_unprinted(error: OSError) -> None:
    """Exit 2, also where standard error is full; what is left to be printed goes nowhere."""
    with suppress(OSError):
        sys.stderr.write(f"recipes: cannot write to standard output: {error.strerror}\n")
        sys.stderr.flush()
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    sys.exit(2)


def _replace_odd_encodings() -> None:
    """Print ASCII where a stream's encoding (`PYTHONIOENCODING=idna`) can't hold any text."""
    for stream in (sys.stdout, sys.stderr):
        try:
            "a\ud800".encode(stream.encoding, "backslashreplace").decode(stream.encoding)
        except (UnicodeError, LookupError):
            if reconfigure := getattr(stream, "reconfigure", None):
                reconfigure(encoding="ascii", errors="backslashreplace")


def _leave_out_odd_sizes() -> None:
    """Ask the terminal for its size where COLUMNS or LINES is no number that a terminal has."""
    for name in ("COLUMNS", "LINES"):
        text = os.environ.get(name, "")
        if text and not (text.isascii() and text.isdecimal() and len(text) < 6):
            del os.environ[name]


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
    """Where a shell closed standard output or error (`>&-`), what is printed goes nowhere; closed input is empty.

    In the order of their descriptors, so that each gets its own and no file that is opened later passes for one.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123


if __name__ == "__main__":
    start()
