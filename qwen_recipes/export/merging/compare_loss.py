"""Compare the loss of an adapter on its base, as it was trained, with that of the merged model.

`python -m merging.compare_loss JOB.json` prints one line of JSON. Each model is loaded whole, one after the other.
"""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path
from typing import Any

import torch

from .base_weights import find_base_folder
from .read_config import MergeError


def main(job_file: str) -> int:
    """Do the job. Exit code 1 where it can't be done; the last line of JSON says why."""
    job: dict[str, Any] = json.loads(Path(job_file).read_text("utf-8"))
    try:
        print(json.dumps(compare_losses(job)))
    except (MergeError, OSError, ValueError, ImportError, RuntimeError, MemoryError) as error:
        print(json.dumps({"error": str(error).strip().partition("\n")[0] or type(error).__name__}))
        return 1
    return 0


def compare_losses(job: dict[str, Any]) -> dict[str, Any]:
    """Mean loss of a token of the job's examples: `trained`, of the adapter on its base, and `merged`."""
    from peft import PeftModel

    base = find_base_folder(job["base"], job.get("revision"))
    model = PeftModel.from_pretrained(_load_model(base, job.get("quantization")), job["adapter"])
    trained, tokens = _compute_loss(model.eval(), job["examples"])
    del model
    gc.collect()
    merged, _ = _compute_loss(_load_model(Path(job["merged"]), None).eval(), job["examples"])
    return {"trained": trained, "merged": merged, "examples": len(job["examples"]), "tokens": tokens}


def _load_model(folder: Path, quantization: dict[str, object] | None) -> Any:
    """The model on the GPU in bfloat16 where there is one, else on the CPU in float32; quantized as in training."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if gpu else torch.float32
    options: dict[str, Any] = {"dtype": dtype, **({"device_map": "auto"} if gpu else {})}
    if quantization and quantization["bits"] == 8:
        options["quantization_config"] = BitsAndBytesConfig(load_in_8bit=True)
    elif quantization:
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=quantization["type"],
            bnb_4bit_use_double_quant=quantization["double"],
            bnb_4bit_compute_dtype=dtype,
        )
    return AutoModelForCausalLM.from_pretrained(folder, **options)


def _compute_loss(model: Any, examples: list[dict[str, list[int]]]) -> tuple[float, int]:
    """The mean loss of a token that is in the loss, and how many such tokens there are."""
    lost, tokens = 0.0, 0
    for example in examples:
        ids = torch.tensor([example["ids"]], device=model.device)
        labels = torch.tensor([example["labels"]], device=model.device)
        count = int((labels[:, 1:] != -100).sum())
        if count:
            with torch.no_grad():
                lost += float(model(input_ids=ids, labels=labels).loss) * count
        tokens += count
    return (lost / tokens if tokens else float("nan")), tokens


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
