"""Weights of a checkpoint that FSDP or DeepSpeed saved in shards, gathered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from .checked_pickles import explain_unreadable, load_metadata, load_weights_only, trust_deepspeed_classes
from .read_config import MergeError


def read_sharded_weights(folder: Path) -> Iterator[tuple[str, Tensor]]:
    """Names and whole weights of a sharded checkpoint, of the shape and dtype that was saved.

    Raises MergeError where there is none, or it cannot be read here: nothing that it brings is run.
    """
    load_weights_only()
    fsdp = sorted(path.parent for path in folder.glob("pytorch_model_fsdp_*/.metadata"))
    if fsdp:
        yield from _walk(_read_fsdp(fsdp[0]), "")
    elif any(folder.glob("global_step*")) or (folder / "latest").is_file():
        yield from _read_zero(folder).items()
    elif any(folder.glob("pytorch_model_fsdp_*")):
        raise MergeError(f"{folder}: the FSDP checkpoint has no .metadata, so its shards cannot be read")
    else:
        raise MergeError(f"{folder} has no adapter_model.safetensors, and no shards of FSDP or DeepSpeed")


def _read_fsdp(folder: Path) -> dict[str, object]:
    from torch.distributed.checkpoint import FileSystemReader
    from torch.distributed.checkpoint.api import CheckpointException
    from torch.distributed.checkpoint.default_planner import _EmptyStateDictLoadPlanner
    from torch.distributed.checkpoint.metadata import StorageMeta
    from torch.distributed.checkpoint.state_dict_loader import _load_state_dict

    class CheckedReader(FileSystemReader):  # type: ignore[misc]
        def read_metadata(self, *args: object, **kwargs: object) -> object:
            metadata = load_metadata(folder / ".metadata")
            metadata.storage_meta = getattr(metadata, "storage_meta", None) or StorageMeta()
            metadata.storage_meta.load_id = self.load_id
            return metadata

    state: dict[str, Any] = {}
    reader = CheckedReader(folder)
    try:
        reader.read_metadata()
        _load_state_dict(state, storage_reader=reader, planner=_EmptyStateDictLoadPlanner(), no_dist=True)
    except (Exception, CheckpointException) as error:
        raise MergeError(f"{folder}: the FSDP shards cannot be read: {explain_unreadable(error)}") from None
    return state


def _walk(node: object, name: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a nested state; `model` at the top is only a box around them."""
    if isinstance(node, Tensor):
        yield name, node
    elif isinstance(node, dict):
        for key, inner in node.items():
            yield from _walk(inner, key if not name or (name == "model" and "." in key) else f"{name}.{key}")


def _read_zero(folder: Path) -> dict[str, Tensor]:
    try:
        from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint
    except ImportError:
        raise MergeError(
            f"{folder} holds ZeRO shards, and this environment has no DeepSpeed to gather them: name a framework or an "
            "environment that has it with --backend or --environment"
        ) from None
    trust_deepspeed_classes()
    try:
        found: dict[str, Tensor] = get_fp32_state_dict_from_zero_checkpoint(str(folder), exclude_frozen_parameters=True)
    except Exception as error:
        raise MergeError(f"{folder}: the DeepSpeed shards cannot be read: {explain_unreadable(error)}") from None
    return found
