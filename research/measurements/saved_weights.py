"""Load what two runs saved, and compare it: `saved_weights.py BASE ONE TWO`, by an interpreter with transformers.

Each folder holds a model, or an adapter on BASE. Prints a JSON line: how many tensors were loaded, the largest
difference of a number between both, and how far the first run moved a number from where it began (an adapter's B began
at zero).
Exits 1 where a tensor is missing in a file or has no place in the model.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Tensors = dict[str, Any]


def load_weights(base: str, folder: str) -> Tensors:
    """Names and tensors, in float32. Exits where file and model differ in them."""
    if (Path(folder) / "adapter_config.json").is_file():
        return load_adapter(base, folder)
    from transformers import AutoModelForCausalLM  # type: ignore[import-not-found,unused-ignore]

    model, told = AutoModelForCausalLM.from_pretrained(folder, output_loading_info=True)
    wrong = {name: list(keys) for name, keys in told.items() if keys}
    if wrong:
        sys.exit(f"{folder}: {wrong}")
    return {name: tensor.float() for name, tensor in model.state_dict().items()}


def load_adapter(base: str, folder: str) -> Tensors:
    """The adapter's tensors as PEFT puts them on the model."""
    from peft import PeftModel, get_peft_model_state_dict  # type: ignore[import-not-found,unused-ignore]
    from safetensors import safe_open  # type: ignore[import-not-found,unused-ignore]
    from transformers import AutoModelForCausalLM

    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)
    tensors: Tensors = get_peft_model_state_dict(model)
    with safe_open(str(Path(folder) / "adapter_model.safetensors"), "pt") as file:
        saved = set(file.keys())
    if saved != set(tensors):
        sys.exit(f"{folder}: {sorted(saved ^ set(tensors))[:8]} are in the file or in the model alone")
    return {name: tensor.float() for name, tensor in tensors.items()}


def measure_difference(one: Tensors, two: Tensors) -> float:
    """The largest of a number. Exits where the names differ."""
    if set(one) != set(two):
        sys.exit(f"{sorted(set(one) ^ set(two))[:8]} are in one of them alone")
    return max(float((one[name] - two[name]).abs().max()) for name in one)


def measure_moved(base: str, folder: str, trained: Tensors) -> float:
    """How far training moved a number: from the base model's, or an adapter's B from zero."""
    if (Path(folder) / "adapter_config.json").is_file():
        return max(float(tensor.abs().max()) for name, tensor in trained.items() if "lora_B" in name)
    return measure_difference(load_weights(base, base), trained)


def main() -> None:
    base, first, second = sys.argv[1:]
    one, two = load_weights(base, first), load_weights(base, second)
    moved = measure_moved(base, first, one)
    print(json.dumps({"tensors": len(one), "largest": measure_difference(one, two), "moved": moved}))


if __name__ == "__main__":
    main()
