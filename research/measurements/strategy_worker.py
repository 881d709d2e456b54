"""Train one cell, in every process of a launch: transformers' Trainer, accelerate and peft, as people use them.

    torchrun --nproc_per_node 2 research/measurements/strategy_worker.py \\
        '{"model": "0.6B", "method": "lora", …}' MODEL OUT

Each rank writes OUT/rank<n>.json: losses, memory, how far the trained weights moved, what was saved, or the error.

Options of a cell, departures from what is usual: `no leaf modules` (DeepSpeed's own list of them is emptied), `no input
gradients`, and those of the launch, which `measure_strategies.py` writes.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from strategy_cells import StrategyCell

STEPS = 20
LENGTH = 512
ROWS = 4
"""Sequences in a batch over all GPUs; the same four in every step."""
PERIOD = 16
RATE = {"full": 1e-4}
ADAPTER_RATE = 1e-3
RANK = 16
REUSE_DISTANCE = 20_000_000
TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
ATTENTION = TARGETS[:4]
TIMED_FROM = 8
SHARDED = ("zero3", "fsdp1", "fsdp2")
TURN_LIMIT_S = {"4B": 110, "0.6B": 75}
OTHER_LIMIT_S = 55


def build_rows(vocabulary: int) -> list[dict[str, Any]]:
    """Four sequences, each a few tokens over and over: easy to learn, different on each rank. One batch a step."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    draw = torch.Generator().manual_seed(11)
    patterns = torch.randint(0, vocabulary, (ROWS, PERIOD), generator=draw)
    batch = [row.repeat(LENGTH // PERIOD) for row in patterns]
    return [{"input_ids": row, "labels": row} for row in batch] * STEPS


def build_deepspeed_config(cell: StrategyCell, world: int) -> dict[str, Any]:
    """What templates/shared/deepspeed.json.j2 says of this batch, and a short reuse distance.

    With DeepSpeed's own, 1e9 weights, a model of fewer is walked to its end at each release of a parameter, in Python:
    with adapters on every layer the second step takes half a minute.
    """
    zero2: dict[str, Any] = {"stage": 2, "reduce_bucket_size": 500_000_000, "allgather_bucket_size": 500_000_000}
    zero3: dict[str, Any] = {
        "stage": 3,
        "reduce_bucket_size": "auto",
        "stage3_prefetch_bucket_size": "auto",
        "stage3_param_persistence_threshold": "auto",
        "stage3_gather_16bit_weights_on_model_save": True,
        "stage3_max_reuse_distance": REUSE_DISTANCE,
    }
    if cell.option == "no leaf modules":
        zero3["leaf_module"] = {"classes": []}
    zero = zero3 if cell.strategy == "zero3" else zero2
    return {
        "bf16": {"enabled": has_gpu()},
        "fp16": {"enabled": False},
        "zero_optimization": {"overlap_comm": False, "contiguous_gradients": True, **zero},
        "train_batch_size": ROWS if has_gpu() else "auto",
        "train_micro_batch_size_per_gpu": ROWS // world,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": 1.0,
        "steps_per_print": 2000,
    }


def has_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def build_training_arguments(cell: StrategyCell, out: Path, world: int) -> Any:
    from transformers import TrainingArguments

    more: dict[str, Any] = {}
    if cell.strategy.startswith("zero"):
        more["deepspeed"] = build_deepspeed_config(cell, world)
    elif not has_gpu():
        more["use_cpu"] = True
    if cell.checkpointing != "none" and cell.option != "checkpointing by fsdp":
        more["gradient_checkpointing"] = True
        more["gradient_checkpointing_kwargs"] = {"use_reentrant": cell.checkpointing == "reentrant"}
    return TrainingArguments(
        output_dir=str(out / "run"),
        max_steps=STEPS,
        per_device_train_batch_size=ROWS // world,
        learning_rate=RATE.get(cell.method, ADAPTER_RATE),
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        optim="adamw_torch",
        bf16=has_gpu(),
        seed=3,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
        **more,
    )


def build_quantization_config(cell: StrategyCell) -> Any:
    import torch
    from transformers import BitsAndBytesConfig

    if cell.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
        bnb_4bit_quant_storage=torch.bfloat16 if cell.storage == "bf16" else torch.uint8,
    )


def load_model(cell: StrategyCell, model: Path) -> Any:
    """All weights train in float32 under autocast, unless DeepSpeed keeps such a copy itself."""
    import torch
    from transformers import AutoModelForCausalLM

    own_copy = cell.method == "full" and not cell.strategy.startswith("zero")
    words: dict[str, Any] = {"dtype": torch.float32 if own_copy else torch.bfloat16, "attn_implementation": "sdpa"}
    if cell.bits != 16:
        words["quantization_config"] = build_quantization_config(cell)
    loaded = AutoModelForCausalLM.from_pretrained(str(model), **words)
    loaded.config.use_cache = False
    return loaded


def add_adapter(cell: StrategyCell, model: Any) -> Any:
    """Put the adapter on. A quantized base is prepared as TRL does it: not where it is sharded."""
    from peft import (  # type: ignore[import-not-found,unused-ignore]
        LoraConfig,
        get_peft_model,
        prepare_model_for_kbit_training,
    )

    if cell.method == "full":
        return model
    if cell.bits != 16 and cell.strategy not in SHARDED:
        prepare_model_for_kbit_training(model, use_gradient_checkpointing=cell.checkpointing != "none")
    if cell.checkpointing != "none" and cell.option != "no input gradients":
        model.enable_input_require_grads()
    targets = ATTENTION if "moe" in cell.model else TARGETS
    config = LoraConfig(
        r=RANK,
        lora_alpha=2 * RANK,
        lora_dropout=0.0,
        target_modules=list(targets),
        use_dora="dora" in cell.method,
        task_type="CAUSAL_LM",
    )
    return get_peft_model(model, config)


class GpuTurn:
    """Launches that share the GPUs: imports and loading go on beside each other, training within limits.

    STRATEGIES_TURNS names files of which rank 0 locks one, or all where the cell's speed is to be read; without it
    there is nobody to wait for. From then on the cell has so many seconds, after which it says how far it came and
    ends: a hang is a result too.
    """

    def __init__(self, cell: StrategyCell, out: Path, result: dict[str, Any]) -> None:
        self.cell, self.out, self.result = cell, out, result
        paths = filter(None, os.environ.get("STRATEGIES_TURNS", "").split(":"))
        self.files = [os.open(path, os.O_WRONLY | os.O_CREAT) for path in paths]

    def wait_for_turn(self) -> None:
        """Wait for it. Taken already: nothing."""
        if "started" in self.result:
            return
        told = self.out / "turn"
        if os.environ.get("RANK", "0") == "0":
            self.acquire_locks()
            told.touch()
        while not told.exists():
            time.sleep(0.02)
        self.result["started"] = time.monotonic()
        limit = TURN_LIMIT_S.get(self.cell.model, OTHER_LIMIT_S)
        timer = threading.Timer(limit, self.end_on_timeout, (limit,))
        timer.daemon = True
        timer.start()

    def acquire_locks(self) -> None:
        if self.cell.runs_alone:
            for file in self.files:
                fcntl.flock(file, fcntl.LOCK_EX)
        while self.files and not self.cell.runs_alone:
            for file in self.files:
                try:
                    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(0.02)

    def end_on_timeout(self, limit: int) -> None:
        """The limit is over."""
        if self.result["phase"] != "done":
            self.result.pop("before", None)
            self.result["error"] = f"TimeLimit: not done after {limit} s, {self.result.get('steps', 0)} steps taken"
            write_rank_result(self.out, self.result)
            os._exit(9)


def exit_with_parent() -> None:
    """A launcher that is killed leaves its ranks behind, spinning on the GPUs: they end when it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(10)

    threading.Thread(target=watch, daemon=True).start()


def write_rank_result(out: Path, result: dict[str, Any]) -> None:
    """This rank's file."""
    (out / f"rank{os.environ.get('RANK', '0')}.json").write_text(json.dumps(result))


def local_shard(parameter: Any) -> Any:
    """What this rank holds of a parameter, whoever sharded it."""
    if hasattr(parameter, "ds_tensor"):
        return parameter.ds_tensor.detach()
    return parameter.to_local().detach() if hasattr(parameter, "to_local") else parameter.detach()


def count_parameter_bytes(model: Any) -> int:
    """Bytes of all parameters on this rank."""
    return sum(part.numel() * part.element_size() for part in map(local_shard, model.parameters()))


def copy_trained_weights(cell: StrategyCell, model: Any) -> dict[str, Any]:
    """Copies of trained weights, to see how far they move; of a full model those of the first layer."""
    every = cell.method != "full"
    return {
        name: local_shard(parameter).float().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (every or ".layers.0." in name or "flat_param" in name)
    }


def measure_weight_change(cell: StrategyCell, model: Any, before: dict[str, Any]) -> float:
    """Norm of the change of the watched weights, over all ranks where they are sharded."""
    import torch

    after = dict(model.named_parameters())
    squares = [((local_shard(after[name]).float() - old) ** 2).sum() for name, old in before.items()]
    total = torch.stack(squares).sum() if squares else torch.zeros((), device=next(model.parameters()).device)
    if cell.strategy in SHARDED:
        torch.distributed.all_reduce(total)
    return math.sqrt(total.item())


def read_cuda_memory(kind: str) -> float:
    """MiB: `memory_allocated`, `max_memory_allocated` or `max_memory_reserved`; 0 on a CPU."""
    import torch

    return round(getattr(torch.cuda, kind)() / 2**20, 1) if has_gpu() else 0.0


def build_trainer(cell: StrategyCell, model: Any, arguments: Any, result: dict[str, Any]) -> Any:
    """A Trainer that keeps the rows' order, and a callback that looks at the wrapped model."""
    import torch
    from transformers import Trainer, TrainerCallback, default_data_collator

    class InOrder(Trainer):  # type: ignore[misc,unused-ignore]
        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)

    class Look(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            result["trainable"] = sum(p.requires_grad for p in trainer.model_wrapped.parameters())
            result["prepared"] = round(time.monotonic() - result["started"], 2)
            result["before"] = copy_trained_weights(cell, trainer.model_wrapped)
            result["MiB of parameters"] = round(count_parameter_bytes(trainer.model_wrapped) / 2**20, 1)
            result["MiB loaded"] = read_cuda_memory("memory_allocated")
            result["MiB peak while loading"] = read_cuda_memory("max_memory_allocated")
            if has_gpu():
                torch.cuda.reset_peak_memory_stats()

        def on_step_end(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            result["steps"] = state.global_step
            result["step ends"] = [*result.get("step ends", []), round(time.monotonic() - result["started"], 2)]
            if state.global_step in (TIMED_FROM, STEPS):
                if has_gpu():
                    torch.cuda.synchronize()
                result["clock"] = [*result.get("clock", []), time.perf_counter()]

    look = Look()
    trainer = InOrder(
        model=model,
        args=arguments,
        train_dataset=build_rows(model.config.vocab_size),
        data_collator=default_data_collator,
        callbacks=[look],
    )
    return trainer


def save_and_inspect(cell: StrategyCell, trainer: Any, out: Path) -> dict[str, Any]:
    """Save as users do, and look at the adapter's file."""
    from safetensors.torch import load_file

    trainer.save_model(str(out / "saved"))
    if int(os.environ.get("RANK", "0")):
        return {}
    files = sorted((out / "saved").glob("*.safetensors"))
    tensors = {name: tensor for file in files for name, tensor in load_file(file).items()}
    ups = [tensor.float().norm() ** 2 for name, tensor in tensors.items() if "lora_B" in name]
    return {
        "tensors": len(tensors),
        "empty": sum(not tensor.numel() for tensor in tensors.values()),
        "weights": sum(tensor.numel() for tensor in tensors.values()),
        "norm of lora_B": round(math.sqrt(sum(ups)), 4),
    }


def train_cell(cell: StrategyCell, model: Path, out: Path, result: dict[str, Any]) -> None:
    """Fill `result` as far as it gets."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    turn = GpuTurn(cell, out, result)
    if cell.runs_alone or cell.strategy == "zero3":
        turn.wait_for_turn()
    arguments = build_training_arguments(cell, out, world)
    _ = arguments.device
    trainer = build_trainer(cell, add_adapter(cell, load_model(cell, model)), arguments, result)
    turn.wait_for_turn()
    try:
        trainer.train()
    finally:
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        result["losses"] = losses
        result["gradient norms"] = [e["grad_norm"] for e in trainer.state.log_history if "grad_norm" in e][:3]
        result["MiB peak"] = read_cuda_memory("max_memory_allocated")
        result["MiB peak reserved"] = read_cuda_memory("max_memory_reserved")
    start, end = result.pop("clock")
    result["tokens/s"] = round((STEPS - TIMED_FROM) * ROWS * LENGTH / (end - start))
    result["moved"] = round(measure_weight_change(cell, trainer.model_wrapped, result.pop("before")), 5)
    if cell.model != "4B":
        result["phase"] = "save"
        result["saved"] = save_and_inspect(cell, trainer, out)
    result["phase"] = "done"


def read_versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    import torch

    found = {"torch": torch.__version__, "python": sys.version.split()[0]}
    for name in ("transformers", "peft", "accelerate", "deepspeed", "bitsandbytes"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def describe_error(problem: BaseException) -> dict[str, str]:
    """Its text and the last place that it came through."""
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    where = "/".join(Path(frame.filename).parts[-3:])
    return {"error": f"{type(problem).__name__}: {problem}"[:1500], "where": f"{where}:{frame.lineno} {frame.name}"}


def main() -> None:
    cell, model, out = StrategyCell(**json.loads(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
    exit_with_parent()
    found: dict[str, Any] = {"phase": "train", "versions": read_versions()}
    if has_gpu():
        import torch

        found["gpu"] = torch.cuda.get_device_name()
    try:
        train_cell(cell, model, out, found)
    except BaseException as problem:
        found |= describe_error(problem)
        raise
    finally:
        found.pop("before", None)
        write_rank_result(out, found)


if __name__ == "__main__":
    main()
