"""What other estimators say of the judged cells: memory in GiB.

    PYTHONPATH=. python research/estimates/compare_peers.py CELLS.json OUT.json

CELLS.json is written by `python -m research.estimates.compare_peers --cells CELLS.json` here; the first command runs in
an environment with canifinetune, fitscout, ftuneai and soup-cli. LLaMA-Factory's figures are its README's table, and
accelerate's what `estimate-memory` counts: weights, four times for training with Adam. Each peer is told all that it
asks for; a pair's two answers count as twice the rows.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

GIB = 2**30
Cell = dict[str, Any]


def describe_cells() -> list[Cell]:
    """What the peers ask for, of each judged cell."""
    from research.estimates.trainer_results import load_trainer_cells

    return [
        {
            "id": one.cell["id"],
            "model": one.cell["model"],
            "parameters": one.facts.parameters,
            "method": one.plan.method.type,
            "rank": one.plan.method.rank,
            "bits": one.plan.quantization.bits,
            "length": one.estimate.workload.sequence,
            "rows": one.plan.training.micro_batch_size * one.estimate.workload.rows_per_example,
            "checkpointing": one.plan.training.gradient_checkpointing,
            "liger": one.plan.training.liger,
            "eight_bit": "8bit" in one.plan.training.optimizer,
            "float32": one.plan.training.weights_dtype == "float32",
            "facts": {k: v for k, v in vars(one.facts).items() if isinstance(v, int)},
        }
        for one in load_trainer_cells()
        if one.cell["split"] != "fitted"
    ]


def ask_accelerate(cell: Cell) -> float:
    return float(cell["parameters"]) * 2 * 4 / GIB


def ask_llamafactory_table(cell: Cell) -> float:
    adapter, full = (2.0 if cell["bits"] == 16 else 0.5), (18.0 if cell["float32"] else 8.0)
    return (adapter if cell["method"] == "lora" else full) * float(cell["parameters"]) / GIB


def ask_canifinetune(cell: Cell) -> float:
    from canifinetune.estimator.memory import EstimateRequest, estimate  # type: ignore[import-not-found,unused-ignore]

    method = "full" if cell["method"] != "lora" else "qlora" if cell["bits"] == 4 else "lora"
    request = EstimateRequest(
        model_id=write_config(cell),
        method=method,
        seq_len=cell["length"],
        micro_batch_size=cell["rows"],
        lora_rank=cell["rank"] or 16,
        lora_target_scope="all_linear",
        optimizer="adamw_8bit" if cell["eight_bit"] else "adamw_torch_fused",
        gradient_checkpointing=cell["checkpointing"],
        use_liger_kernel=cell["liger"],
        gpu_vram_gb=140,
        use_network=False,
    )
    return float(estimate(request).memory.total_estimated_gb)


def ask_fitscout(cell: Cell) -> float:
    from fitscout.memory.estimator import estimate_memory  # type: ignore[import-not-found,unused-ignore]
    from fitscout.model.introspect import inspect_model  # type: ignore[import-not-found,unused-ignore]

    method = "full" if cell["method"] != "lora" else "qlora" if cell["bits"] == 4 else "lora"
    made = estimate_memory(
        inspect_model(write_config(cell)),
        method=method,
        micro_batch=cell["rows"],
        seq_len=cell["length"],
        grad_ckpt=cell["checkpointing"],
        opt_8bit=cell["eight_bit"],
        lora_rank=cell["rank"] or 16,
        grad_dtype_bytes=4 if cell["float32"] else 2,
    )
    return float(made.total_gb)


def ask_ftune(cell: Cell) -> float:
    from ftuneai.core.memory import MemoryEstimator  # type: ignore[import-not-found,unused-ignore]
    from ftuneai.core.models import (  # type: ignore[import-not-found,unused-ignore]
        FineTuneMethod,
        LoRATarget,
        ModelSpec,
        OptimizerType,
        Quantization,
        TrainingConfig,
    )

    facts = cell["facts"]
    spec = ModelSpec(
        cell["model"], cell["parameters"], facts["hidden_size"], facts["layers"], facts["heads"], facts["kv_heads"],
        facts["intermediate_size"], facts["vocab_size"], facts["max_positions"],
    )  # fmt: skip
    quantized = cell["bits"] == 4
    config = TrainingConfig(
        model=cell["model"],
        method=FineTuneMethod("full" if cell["method"] != "lora" else "qlora" if quantized else "lora"),
        quantization=Quantization("4bit" if quantized else "none"),
        batch_size=cell["rows"],
        seq_length=cell["length"],
        gradient_checkpointing=cell["checkpointing"],
        optimizer=OptimizerType("adam_8bit" if cell["eight_bit"] else "adamw"),
        lora_rank=cell["rank"] or 16,
        lora_target=LoRATarget("all_linear"),
    )
    return float(MemoryEstimator(spec, config).estimate().total_gb)


def ask_soup(cell: Cell) -> float:
    from soup_cli.utils.hardware_fit import (  # type: ignore[import-not-found,unused-ignore]
        HardwareFitInput,
        estimate_peak_vram_gb,
    )

    quantized = cell["bits"] == 4
    return float(
        estimate_peak_vram_gb(
            HardwareFitInput(
                params_b=cell["parameters"] / 1e9,
                seq_len=cell["length"],
                batch_size=cell["rows"],
                optimizer="adamw_bnb_8bit" if cell["eight_bit"] else "adamw_torch_fused",
                quant="4bit" if quantized else "none",
                peft="full" if cell["method"] != "lora" else "qlora" if quantized else "lora",
                gradient_checkpointing=cell["checkpointing"],
            )
        ).total_gb
    )


PEERS: dict[str, Callable[[Cell], float]] = {
    "accelerate estimate-memory": ask_accelerate,
    "LLaMA-Factory's table": ask_llamafactory_table,
    "canifinetune 0.4.1": ask_canifinetune,
    "fitscout 0.1.1": ask_fitscout,
    "ftuneai 0.4.1": ask_ftune,
    "soup-cli 0.77.0": ask_soup,
}


def write_config(cell: Cell) -> str:
    """A folder with the model's config.json."""
    facts, folder = cell["facts"], Path(tempfile.gettempdir()) / "peer-configs" / cell["model"]
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "model_type": "qwen3" if "A3B" not in cell["model"] else "qwen3_moe",
        "architectures": ["Qwen3ForCausalLM" if "A3B" not in cell["model"] else "Qwen3MoeForCausalLM"],
        "num_hidden_layers": facts["layers"],
        "hidden_size": facts["hidden_size"],
        "num_attention_heads": facts["heads"],
        "num_key_value_heads": facts["kv_heads"],
        "head_dim": facts["head_dim"],
        "intermediate_size": facts["intermediate_size"],
        "vocab_size": facts["vocab_size"],
        "max_position_embeddings": facts["max_positions"],
        "tie_word_embeddings": bool(facts["tied_embeddings"]),
    }
    if facts.get("experts"):
        config |= {"num_experts": facts["experts"], "moe_intermediate_size": facts["moe_intermediate_size"]}
        config |= {"num_experts_per_tok": facts["experts_per_token"]}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return str(folder)


def main() -> None:
    if sys.argv[1] == "--cells":
        Path(sys.argv[2]).write_text(json.dumps(describe_cells()), "utf-8")
        return
    cells = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    said: dict[str, dict[str, float | str]] = {}
    for name, ask in PEERS.items():
        said[name] = {}
        for cell in cells:
            try:
                said[name][cell["id"]] = round(ask(cell), 3)
            except Exception as problem:
                said[name][cell["id"]] = f"{type(problem).__name__}: {problem}"[:200]
    Path(sys.argv[2]).write_text(json.dumps(said, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
