"""Host memory of `recipes merge` on weights of Qwen3-32B's shapes, against the estimate.

`python -m research.measurements.measure_merge_memory PYTHON [CASE...]`, with the interpreter of a framework's
environment, writes results/merge_memory.json. The base is a sparse file of zeros with the shapes of the model's first
layers: memory depends on the largest weight and not on how many there are, which two of the cases show.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from qwen_recipes.estimate.host_memory import MERGE_SHARD_BYTES, estimate_merge_memory
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.models import get_model_facts

MODEL = "Qwen/Qwen3-32B"
RESULTS = Path(__file__).with_name("results") / "merge_memory.json"
EXPORT = Path(__file__).parents[2] / "qwen_recipes" / "export"
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """A merge: layers of the base, rank of the adapter, and how it is merged."""

    layers: int = 1
    rank: int = 64
    dora: bool = False
    head: bool = False
    embeddings: bool = False
    adapters: int = 1
    into: str = "base"


CASES = {
    "lora, 1 layer": Case(),
    "lora, 4 layers": Case(layers=4),
    "dora": Case(dora=True),
    "two adapters, cat": Case(adapters=2),
    "dequantized": Case(into="dequantized"),
    "embeddings and head saved": Case(embeddings=True),
}


def write_sparse(file: Path, shapes: Shapes, dtype: str, size: int) -> int:
    """A safetensors file of zeros that takes no disk; its bytes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + size * _count(shape)
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as opened:
        opened.write(len(text).to_bytes(8, "little") + text)
        opened.truncate(8 + len(text) + end)
    return end


def _count(shape: tuple[int, ...]) -> int:
    return shape[0] * (shape[1] if len(shape) > 1 else 1)


def list_shapes(facts: ModelFacts, case: Case) -> tuple[Shapes, Shapes]:
    """Shapes of the base's weights, and of the adapter's."""
    table = (facts.vocab_size, facts.hidden_size)
    base: Shapes = {"model.embed_tokens.weight": table, "lm_head.weight": table}
    adapter: Shapes = {}
    for layer in range(case.layers):
        for module, (inputs, outputs) in facts.linear_shapes.items():
            part = "self_attn" if module[0] in "qkvo" else "mlp"
            name = f"model.layers.{layer}.{part}.{module}"
            base[f"{name}.weight"] = (outputs, inputs)
            adapter[f"base_model.model.{name}.lora_A.weight"] = (case.rank, inputs)
            adapter[f"base_model.model.{name}.lora_B.weight"] = (outputs, case.rank)
            if case.dora:
                adapter[f"base_model.model.{name}.lora_magnitude_vector.weight"] = (outputs,)
    if case.head:
        adapter["base_model.model.lm_head.lora_A.weight"] = (case.rank, facts.hidden_size)
        adapter["base_model.model.lm_head.lora_B.weight"] = (facts.vocab_size, case.rank)
    if case.embeddings:
        adapter |= {f"base_model.model.{name}": table for name in ("model.embed_tokens.weight", "lm_head.weight")}
    return base, adapter


def measure(name: str, case: Case, python: str, folder: Path) -> dict[str, object]:
    """Merge once; bytes of the base, the adapters, the peak and the estimate."""
    facts = get_model_facts(MODEL)
    base, adapter = list_shapes(facts, case)
    (folder / "base").mkdir()
    (folder / "merged").mkdir()
    base_bytes = write_sparse(folder / "base" / "model.safetensors", base, "BF16", 2)
    (folder / "base" / "config.json").write_text("{}")
    adapter_bytes = 0
    for number in range(case.adapters):
        place = folder / f"adapter{number}"
        place.mkdir()
        adapter_bytes += write_sparse(place / "adapter_model.safetensors", adapter, "F32", 4)
        (place / "adapter_config.json").write_text(json.dumps({"r": case.rank, "lora_alpha": case.rank}))
    weight = 1 / case.adapters
    job = {
        "adapters": [{"folder": str(folder / f"adapter{n}"), "weight": weight} for n in range(case.adapters)],
        "base": str(folder / "base"), "output": str(folder / "merged"), "into": case.into, "combine": "cat",
        "quantization": {"bits": 4, "type": "nf4", "double": True, "experts": False}, "shard_bytes": MERGE_SHARD_BYTES,
    }  # fmt: skip
    (folder / "job.json").write_text(json.dumps(job))
    command = [python, "-m", "merging", str(folder / "job.json")]
    done = subprocess.run(command, cwd=EXPORT, capture_output=True, text=True, check=True)
    report = json.loads(done.stdout.splitlines()[-1])
    estimate = estimate_merge_memory(facts, adapter_bytes, embeddings=case.head, combined=case.adapters > 1)
    return {
        "case": name, "base_bytes": base_bytes, "adapter_bytes": adapter_bytes, "shards": report["shards"],
        "peak_bytes": report["peak_bytes"], "estimated_bytes": round(estimate),
    }  # fmt: skip


def main(python: str, names: list[str]) -> None:
    """Measure the cases, or those that are named, and write the results."""
    results = {row["case"]: row for row in json.loads(RESULTS.read_text())["rows"]} if RESULTS.exists() else {}
    for name in names or CASES:
        folder = Path(tempfile.mkdtemp())
        try:
            results[name] = measure(name, CASES[name], python, folder)
        finally:
            shutil.rmtree(folder)
        print(results[name], flush=True)
        rows = [results[one] for one in CASES if one in results]
        RESULTS.write_text(json.dumps({"model": MODEL, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
