"""Show the demonstrations: `python -m research.gotchas [NAME ...]`. Needs no network, no GPU, no framework."""

from __future__ import annotations

import sys

from research.gotchas.gotchas_page import NAMES, render_demonstration


def main(names: list[str]) -> int:
    """Print each. Exit code 2 for a name that is none."""
    if unknown := [name for name in names if name not in NAMES]:
        print(f"no demonstration {', '.join(unknown)}; there are {', '.join(NAMES)}", file=sys.stderr)
        return 2
    for name in names or NAMES:
        print(render_demonstration(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
