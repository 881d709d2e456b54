"""Sharded checkpoints are pickles, which can run any code: only what FSDP and DeepSpeed write themselves is loaded."""

from __future__ import annotations

import os
import pickle
import re
from io import BytesIO
from pathlib import Path
from typing import Any

from .read_config import MergeError, read_whole

_OF_METADATA = {
    "pathlib": {"PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath"},
    "collections": {"OrderedDict"},
    "torch": {"Size"},
    "torch.serialization": {"_get_layout"},
    "torch.distributed.checkpoint.filesystem": {"_StorageInfo"},
    "torch.distributed.checkpoint.metadata": {
        *("Metadata", "MetadataIndex", "StorageMeta", "TensorStorageMetadata", "BytesStorageMetadata"),
        *("ChunkStorageMetadata", "TensorProperties", "_MEM_FORMAT_ENCODING"),
    },
}
"""By module, what the metadata of FSDP's checkpoints is made of."""
_OF_DEEPSPEED = {
    "deepspeed.runtime.zero.config": ("ZeroStageEnum",),
    "deepspeed.runtime.fp16.loss_scaler": ("LossScaler", "DynamicLossScaler"),
    "deepspeed.utils.tensor_fragment": ("fragment_address",),
}
_REFUSED = re.compile(r"GLOBAL (\S+)")


def load_metadata(file: Path) -> Any:
    """The metadata of an FSDP checkpoint. Raises MergeError where it is made of anything else, or unreadable."""
    try:
        return _MetadataUnpickler(BytesIO(read_whole(file, "record"))).load()
    except MergeError:
        raise
    except Exception as error:  # a pickle may end in any
        raise MergeError(f"{file} is damaged: {error}") from None


class _MetadataUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """A class that metadata has, or a dtype. Raises MergeError."""
        if name in _OF_METADATA.get(module, ()) or (module == "torch" and _is_dtype(name)):
            return super().find_class(module, name)
        raise MergeError(explain_refused(f"{module}.{name}"))


def _is_dtype(name: str) -> bool:
    import torch

    return isinstance(getattr(torch, name, None), torch.dtype)


def load_weights_only() -> None:
    """Let `torch.load` take nothing but tensors and what DeepSpeed writes beside them, whoever calls it."""
    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    os.environ.pop("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", None)


def trust_deepspeed_classes() -> None:
    """Let `torch.load` take the classes that DeepSpeed's checkpoints hold."""
    from importlib import import_module

    from torch.serialization import add_safe_globals

    for module, names in _OF_DEEPSPEED.items():
        loaded = import_module(module)
        add_safe_globals([getattr(loaded, name) for name in names if hasattr(loaded, name)])


def explain_refused(name: str) -> str:
    """Why a checkpoint is not loaded that names something which is no part of one."""
    return (
        f"they name `{name[:100]}`, which no checkpoint of FSDP or DeepSpeed has and which could run code; not loaded"
    )


def explain_unreadable(error: BaseException) -> str:
    """What is wrong with shards that `torch.load` does not take."""
    text = str(error)
    if found := _REFUSED.search(text):
        return explain_refused(found[1])
    if text.startswith("Weights only load failed"):
        return "they hold more than tensors, which could run code; not loaded"
    return (text.splitlines() or [type(error).__name__])[0][:300]
