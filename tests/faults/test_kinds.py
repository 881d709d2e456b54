"""Every kind of training goes on as if it had never stopped, or is refused: in the middle of its second epoch.

A stream in its first: no framework finds its place in a second, which `recipes run --resume` tells.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qwen_recipes.backends import load_backend
from qwen_recipes.compile import compile_recipe
from qwen_recipes.finding import RecipeError
from qwen_recipes.recipe.load import load_recipe

from .conftest import ROOT, RunFolder, simulate_kill
from .test_faults import keep, same_curve

pytestmark = [pytest.mark.training, pytest.mark.full]
BACKENDS = ("axolotl", "llamafactory", "ms-swift", "trl")
STEPS, FROM, ROWS = 8, 6, 8
"""Four steps per epoch."""
LORA = "method: {type: lora, rank: 8, dropout: 0.1}"
REWARD = f"{{path: {ROOT / 'examples/data/rewards.py'}, function: short_answer}}"
GRPO = f"objective: {{type: grpo, generations: 2, max_completion_length: 8, rewards: [{REWARD}]}}"
KINDS = {
    "reward": ("preferences.jsonl", f"{LORA}\nobjective: reward", ""),
    "reward, full": ("preferences.jsonl", "method: full\nobjective: reward", ""),
    "full": ("support.jsonl", "method: full", ""),
    "streamed": ("support.jsonl", LORA, "streaming: true"),
    "pissa": ("support.jsonl", "method: {type: lora, variant: pissa, rank: 8}", ""),
    "dpo": ("preferences.jsonl", f"{LORA}\nobjective: dpo", ""),
    "kto": ("labelled.jsonl", f"{LORA}\nobjective: kto", ""),
    "grpo": ("sums.jsonl", f"{LORA}\n{GRPO}", ""),
    "pretrain": ("articles.jsonl", f"{LORA}\nobjective: pretrain", ""),
    "qlora": ("support.jsonl", "method: {type: qlora, rank: 8, dropout: 0.1}", ""),
    "evaluated": ("support.jsonl", LORA, "validation: 0.25"),
}
REFUSED = {("llamafactory", "reward")}
"""Whose framework can't go on; every other is resumed."""
RECIPE = """\
version: 1
name: hurt
model: {model}
data: {{train: rows.jsonl, {data}}}
{part}
training: {{steps: {steps}, batch_size: 2, micro_batch_size: {micro}, sequence_length: 256, precision: fp32,
  warmup_steps: 2, learning_rate: 1e-3, save_every: 2, log_every: 1, keep_checkpoints: 3}}
hardware: {{device: cpu}}
output: {{dir: out/run}}
run: {{backend: {backend}, environment: {environment}}}
"""


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", KINDS)
def test_goes_on_or_is_refused(
    backend: str, kind: str, interpreter: Callable[[str], Path], tiny_model: Callable[[str], Path], tmp_path: Path
) -> None:
    whole, hurt = (RunFolder(tmp_path / name, STEPS, backend) for name in ("whole", "hurt"))
    rows, part, data = KINDS[kind]
    values = {"model": tiny_model(backend), "environment": interpreter(backend).parent.parent, "backend": backend}
    values |= {"part": part, "data": data, "steps": STEPS}
    values["micro"] = 1 if kind in ("full", "streamed", "pissa", "qlora", "evaluated") else 2
    for one in (whole, hurt):
        one.folder.mkdir()
        lines = (ROOT / "examples" / "data" / rows).read_text("utf-8").splitlines(keepends=True)
        (one.folder / "rows.jsonl").write_text("".join(lines[: ROWS * (1 + (kind == "streamed"))]), "utf-8")
        (one.folder / "hurt.yaml").write_text(RECIPE.format(**values), "utf-8")
    try:
        compile_recipe(load_recipe(str(hurt.folder / "hurt.yaml")), load_backend(backend), hurt.folder / "compiled")
    except RecipeError as error:
        assert all(finding.code == "backend" for finding in error.findings if finding.severity == "error"), error
        pytest.skip(f"refused: {error}")
    code, said = whole.run()
    if "needs the package" in said:
        pytest.skip(said)
    assert code == 0, said
    simulate_kill(hurt, whole, FROM)
    code, said = hurt.run("--resume")
    if (backend, kind) in REFUSED:
        assert code == 1 and "cannot resume" in said, said
        keep(f"{backend}, {kind}", {"refused": said.splitlines()[0].rpartition(": ")[2]})
        return
    assert code == 0, said
    assert hurt.record()["resumed_from"] == FROM
    keep(f"{backend}, {kind}", {"steps": STEPS, "resumed_from": FROM, **same_curve(hurt, whole)})
