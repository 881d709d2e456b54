"""Host memory of `recipes merge` of whole models by mergekit, on weights of Qwen3-1.7B's shapes, against the estimate.

`python -m research.measurements.measure_mergekit_memory [METHOD...]`, with mergekit's environment built, writes
results/mergekit_memory.json. The peak is what the processes hold themselves, read twenty times a second. The models
are sparse files of zeros with the shapes of the first layers, as in measure_merge_memory.py: memory depends on the
shard and the largest weight and not on how many layers there are.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from qwen_recipes.estimate.host_memory import estimate_model_merge_memory
from research.measurements.measure_merge_memory import Case, list_shapes, write_sparse
from research.measurements.random_models import facts_for_shape
from research.measurements.write_shapes import write_shape

MODEL, LAYERS = "1.7B", 2
RESULTS = Path(__file__).with_name("results") / "mergekit_memory.json"
POLL_S = 0.05
METHODS = ("linear", "slerp", "task_arithmetic", "ties", "dare_linear", "dare_ties")
NORM = "model.norm.weight"


def write_model(folder: Path) -> int:
    """A model of zeros; its bytes."""
    facts = facts_for_shape(f"{MODEL}-{LAYERS}layers")
    written = write_shape(f"{MODEL}-{LAYERS}layers", folder.parent / "shapes")
    shutil.copytree(written, folder)
    shapes, _ = list_shapes(facts, Case(layers=LAYERS))
    width, head = (facts.hidden_size,), (facts.head_dim,)
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        shapes |= {f"{name}.{part}.weight": width for part in ("input_layernorm", "post_attention_layernorm")}
        shapes |= {f"{name}.self_attn.{part}.weight": head for part in ("q_norm", "k_norm")}
    return write_sparse(folder / "model.safetensors", {**shapes, NORM: width}, "BF16", 2)


def measure(method: str, folder: Path) -> dict[str, object]:
    """Merge two models once; bytes."""
    one, two = folder / "one", folder / "two"
    size = max(write_model(name) for name in (one, two))
    with_base = method not in ("linear", "slerp")
    given = [one, two, *(("--base", one) if with_base else ())]
    options = ["--combine", method, "-o", folder / "merged"]
    command = [sys.executable, "-m", "qwen_recipes", "merge", *map(str, [*given, *options])]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        peak = 0
        while process.poll() is None:
            peak = max(peak, read_own_bytes(process.pid))
            time.sleep(POLL_S)
    if process.returncode:
        raise SystemExit((folder / "log").read_text("utf-8"))
    facts = facts_for_shape(f"{MODEL}-{LAYERS}layers")
    estimate = estimate_model_merge_memory(facts, method, 2 + with_base)
    return {"method": method, "model_bytes": size, "peak_bytes": peak, "estimated_bytes": round(estimate)}


def read_own_bytes(session: int) -> int:
    """What all processes of a session hold themselves: without pages of files, which the system can drop (Linux)."""
    total = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[3]) == session:
                found = re.search(r"^RssAnon:\s+(\d+) kB", (folder / "status").read_text(), re.M)
                total += int(found[1]) * 1024 if found else 0
        except (OSError, ValueError, IndexError):  # it ended meanwhile
            continue
    return total


def main(methods: list[str]) -> None:
    """Measure the methods, or those that are named, and write the results."""
    results = {row["method"]: row for row in json.loads(RESULTS.read_text())["rows"]} if RESULTS.exists() else {}
    for method in methods or METHODS:
        folder = Path(tempfile.mkdtemp())
        try:
            results[method] = measure(method, folder)
        finally:
            shutil.rmtree(folder)
        print(results[method], flush=True)
        rows = [results[one] for one in METHODS if one in results]
        RESULTS.write_text(json.dumps({"model": f"Qwen3-{MODEL}", "layers": LAYERS, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
