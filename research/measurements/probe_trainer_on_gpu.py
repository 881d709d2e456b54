"""What stands at each framework's trainer on one GPU: precision, kernels, packing, optimizers, as recipes say them.

    PYTHONPATH=. python research/measurements/probe_trainer_on_gpu.py OUT --sites FOLDER [--jobs N]

Each recipe of gpu_trainer_recipes.json is probed as `recipes verify RECIPE --trainer` does it, on a GPU. FOLDER holds
the frameworks' packages, as offline_packages.py gathers them. Appends a JSON line a probe to OUT/gpu_trainers.jsonl:
the checks that differ, the checks of the list's `fields`, and how many fields agree. Probes that stand there or in
results/ already are skipped.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from probe_on_gpu import create_environments

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.errors import QwenRecipesError
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe
from qwen_recipes.resolve import resolve
from qwen_recipes.verify.trainer_probe.checks import check_trainer
from qwen_recipes.verify.trainer_probe.probe_jobs import prepare_probe, run_probes

HERE = Path(__file__).resolve().parent
LIST: dict[str, Any] = json.loads((HERE / "gpu_trainer_recipes.json").read_text("utf-8"))
BACKENDS = ("axolotl", "llamafactory", "ms-swift")
MODEL = "Qwen/Qwen3-0.6B"
QUESTION = "What does step {0} of the plan ask for, and why?"
ANSWER = "Step {0} asks for a look at what was said before, " + "and for a short note of it" * 3 + "."


def list_probes(results: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Every recipe with every framework that it names, where no file of results has it."""
    files = [file for file in (results, HERE / "results" / results.name) if file.is_file()]
    lines = [json.loads(line) for file in files for line in file.read_text("utf-8").splitlines()]
    done = {(line["name"], line["backend"]) for line in lines}
    for one in LIST["recipes"]:
        yield from ((one, name) for name in one.get("backends", BACKENDS) if (one["name"], name) not in done)


def make_row(number: int, objective: str) -> dict[str, Any]:
    """An example in the shape that the objective reads."""
    asked = [{"role": "user", "content": QUESTION.format(number)}]
    answer, other = ANSWER.format(number), f"No idea about {number}."
    if objective == "pretrain":
        return {"text": answer}
    if objective == "kto":
        return {"prompt": asked, "completion": answer if number % 2 else other, "label": bool(number % 2)}
    if objective in ("dpo", "orpo", "reward"):
        return {"prompt": asked, "chosen": answer, "rejected": other}
    return {"messages": [*asked, {"role": "assistant", "content": answer}]}


def write_recipe(one: dict[str, Any], backend: str, out: Path) -> Path:
    """OUT/probes/<name>-<backend>/recipe.yaml with its rows."""
    folder = out / "probes" / f"{one['name']}-{backend}"
    folder.mkdir(parents=True, exist_ok=True)
    rows = [make_row(number, one["recipe"].get("objective", "sft")) for number in range(64)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    training = {"steps": 4, "sequence_length": 512, "batch_size": 4} | one["recipe"].get("training", {})
    recipe = {"version": 1, "model": one.get("model", MODEL), "data": {"train": "rows.jsonl"}, **one["recipe"]}
    recipe |= {"training": training, "hardware": {"gpu": "h200"}}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False), "utf-8")
    return folder / "recipe.yaml"


def probe(one: dict[str, Any], backend: str, out: Path) -> dict[str, Any]:
    """A line of the results. Raises nothing that a framework does."""
    line = {"name": one["name"], "backend": backend}
    path = write_recipe(one, backend, out)
    loaded, framework = load_recipe(str(path)), load_backend(backend)
    try:
        compile_recipe(loaded, framework, path.parent / "compiled")
        plan = resolve(loaded, framework)
        job = prepare_probe(loaded, plan, framework, path.parent / "probe", gpu=True)
        interpreter = out / "environments" / backend / "bin" / "python"
        run_probes(backend, interpreter, [job], path.parent / "scratch", gpu="0")
        checks = [asdict(check) for check in check_trainer(plan, job, job.read_observation(), path.parent)]
    except RecipeError as error:
        return {**line, "refused": error.findings[0].message}
    except QwenRecipesError as error:
        return {**line, "error": str(error)[-3000:]}
    fields, counts = set(LIST["fields"]), Counter(check["result"] for check in checks)
    shown = [check for check in checks if check["field"] in fields or check["result"] == "differs"]
    return {**line, "counts": dict(counts), "checks": shown}


def main() -> None:
    """Probe what is not in the results yet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--sites", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    out = given.out.resolve()
    create_environments(out, given.sites)
    results = out / "gpu_trainers.jsonl"
    with ThreadPoolExecutor(given.jobs) as pool:
        waiting = [pool.submit(probe, one, backend, out) for one, backend in list_probes(results)]
        for done in as_completed(waiting):
            with results.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(done.result(), default=str) + "\n")
            print(json.dumps(done.result(), default=str)[:300], flush=True)


if __name__ == "__main__":
    main()
