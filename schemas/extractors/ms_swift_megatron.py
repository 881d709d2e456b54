"""The arguments of `megatron sft`, `pt` and `rlhf`, read from ms-swift's own dataclasses.

Their modules import Megatron-Core and its bridge, which need a GPU's toolkit to install. Only the fields are read here,
so empty modules stand in for those imports; nothing of theirs is called.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

STAND_INS = (
    "mcore_bridge",
    "mcore_bridge.model",
    "megatron",
    "megatron.core",
    "megatron.core.mpu",
    "megatron.core.transformer",
    "megatron.core.transformer.enums",
    "swift.megatron.utils",
)


class _StandInModule(ModuleType):
    """A module that is not installed; whatever is imported from it is a stand-in."""

    __path__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def load_megatron_class() -> type:
    """The dataclass behind `megatron rlhf`: that of `sft` and `pt` with other defaults."""
    import_module("swift.arguments")
    for name in STAND_INS:
        sys.modules[name] = _StandInModule(name)
        parent, _, child = name.rpartition(".")
        if parent in STAND_INS:
            setattr(sys.modules[parent], child, sys.modules[name])
    vars(sys.modules["megatron.core"])["__version__"] = "0.16.0"
    for name in ("swift.megatron", "swift.megatron.arguments"):
        folder = ModuleType(name)
        folder.__path__ = [str(Path(import_module("swift").__path__[0], *name.split(".")[1:]))]
        sys.modules[name] = folder
    found: type = import_module("swift.megatron.arguments.rlhf_args").MegatronRLHFArguments
    return found
