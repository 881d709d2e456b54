"""`python FOLDER/rows/__main__.py rows.json`: prepare rows. `… adapter ID [REVISION]`: the folder of a hub's adapter.

Run by its path, since `python -m rows` would take a `rows.py` of the folder that it is started in. Before anything is
imported that folder is taken off the search path, and this one, whose modules are found as `rows` alone.
"""

import os
import sys


def _load_own_package() -> str:
    """Register the folder of this file as the package `rows`, whatever else has that name; gives the name."""
    folder = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 - pathlib is not imported yet
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) not in (folder, os.path.realpath(""))]
    import importlib.util

    spec = importlib.util.spec_from_file_location("rows", os.path.join(folder, "__init__.py"))  # noqa: PTH118
    assert spec and spec.loader
    package = importlib.util.module_from_spec(spec)
    sys.modules["rows"] = package
    spec.loader.exec_module(package)
    return "rows"


if __name__ == "__main__":
    name = __package__ or _load_own_package()
    from importlib import import_module

    if sys.argv[1] == "adapter":
        import_module(f"{name}.hub_adapter").main(*sys.argv[2:])
    else:
        import_module(f"{name}.prepare").main(sys.argv[1])
