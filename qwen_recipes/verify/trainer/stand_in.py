"""Random weights where a recipe's own are not here: of a model by its config.json, of an adapter by its config."""

from __future__ import annotations

import json
import shutil
import tempfile
from importlib import import_module
from pathlib import Path

from .adapters import describe_saved_matrices

ADAPTER_CONFIG = "adapter_config.json"
DEVIATION = 0.02


def write_model_weights(folder: Path) -> None:
    """Draw the weights that config.json describes and save them in its `torch_dtype`, where none are there.

    The names are a checkpoint's: transformers' own save writes them, and config.json stays as it is.
    """
    if any(folder.glob("*.safetensors")):
        return
    torch, transformers = import_module("torch"), import_module("transformers")
    config = transformers.AutoConfig.from_pretrained(folder)
    stored = json.loads((folder / "config.json").read_text("utf-8")).get("torch_dtype", "float32")
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with tempfile.TemporaryDirectory(dir=folder) as saved:
        model.to(getattr(torch, stored)).save_pretrained(saved)
        for file in Path(saved).glob("*.safetensors*"):
            shutil.move(file, folder / file.name)


def write_adapter(model: Path, adapter_config: dict[str, object], folder: Path) -> None:
    """An adapter of this configuration on the model in `model`, with B drawn at random, as trained ones are not 0."""
    if (folder / ADAPTER_CONFIG).is_file():
        return
    torch, peft = import_module("torch"), import_module("peft")
    base = import_module("transformers").AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    known = {key: value for key, value in adapter_config.items() if key in peft.LoraConfig.__dataclass_fields__}
    for key in ("base_model_name_or_path", "auto_mapping", "runtime_config", "init_lora_weights"):
        known.pop(key, None)
    torch.manual_seed(1)
    adapted = peft.get_peft_model(base, peft.LoraConfig(**known))
    for name, weight in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=DEVIATION)
    adapted.save_pretrained(folder)


def observe_saved_adapter(folder: Path) -> dict[str, object] | None:
    """A and B as they lie in an adapter's folder; None where it has no safetensors file."""
    file = folder / "adapter_model.safetensors"
    if not file.is_file():
        return None
    tensors = import_module("safetensors.torch").load_file(file)
    return describe_saved_matrices(tensors)
