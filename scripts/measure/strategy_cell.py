"""Train one cell, in every process of a launch: transformers' Trainer, accelerate and peft, as people use them.

    torchrun --nproc_per_node 2 scripts/measure/strategy_cell.py '{"model": "0.6B", "method": "lora", …}' MODEL OUT

Each rank writes OUT/rank<n>.json: losses, memory, how far the trained weights moved, what was saved, or the error.

Options of a cell, departures from what is usual: `no leaf modules` (DeepSpeed's own list of them is emptied), `no input
gradients`, and those of the launch, which `strategies.py` writes.
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

from cells import Cell

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


def rows(vocabulary: int) -> list[dict[str, Any]]:
    """Four sequences, each a few tokens over and over: easy to learn, different on each rank. One batch a step."""
    import torch  # type: ignore[import-not-found,unused-ignore]

    draw = torch.Generator().manual_seed(11)
    patterns = torch.randint(0, vocabulary, (ROWS, PERIOD), generator=draw)
    batch = [row.repeat(LENGTH // PERIOD) for row in patterns]
    return [{"input_ids": row, "labels": row} for row in batch] * STEPS


def deepspeed_config(cell: Cell, world: int) -> dict[str, Any]:
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
        "bf16": {"enabled": on_gpu()},
        "fp16": {"enabled": False},
        "zero_optimization": {"overlap_comm": False, "contiguous_gradients": True, **zero},
        "train_batch_size": ROWS if on_gpu() else "auto",
        "train_micro_batch_size_per_gpu": ROWS // world,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": 1.0,
        "steps_per_print": 2000,
    }


def on_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def training_arguments(cell: Cell, out: Path, world: int) -> Any:
    from transformers import TrainingArguments

    more: dict[str, Any] = {}
    if cell.strategy.startswith("zero"):
        more["deepspeed"] = deepspeed_config(cell, world)
    elif not on_gpu():
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
        bf16=on_gpu(),
        seed=3,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        ddp_find_unused_parameters=False,
        **more,
    )


def quantization(cell: Cell) -> Any:
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


def load(cell: Cell, model: Path) -> Any:
    """All weights train in float32 under autocast, unless DeepSpeed keeps such a copy itself."""
    import torch
    from transformers import AutoModelForCausalLM

    own_copy = cell.method == "full" and not cell.strategy.startswith("zero")
    words: dict[str, Any] = {"dtype": torch.float32 if own_copy else torch.bfloat16, "attn_implementation": "sdpa"}
    if cell.bits != 16:
        words["quantization_config"] = quantization(cell)
    loaded = AutoModelForCausalLM.from_pretrained(str(model), **words)
    loaded.config.use_cache = False
    return loaded


def adapt(cell: Cell, model: Any) -> Any:
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


class Turn:
    """Launches that share the GPUs: imports and loading go on beside each other, training within limits.

    STRATEGIES_TURNS names files of which rank 0 locks one, or all where the cell's speed is to be read; without it
    there is nobody to wait for. From then on the cell has so many seconds, after which it says how far it came and
    ends: a hang is a result too.
    """

    def __init__(self, cell: Cell, out: Path, found: dict[str, Any]) -> None:
        self.cell, self.out, self.found = cell, out, found
        paths = filter(None, os.environ.get("STRATEGIES_TURNS", "").split(":"))
        self.files = [os.open(path, os.O_WRONLY | os.O_CREAT) for path in paths]

    def take(self) -> None:
        """Wait for it. Taken already: nothing."""
        if "started" in self.found:
            return
        told = self.out / "turn"
        if os.environ.get("RANK", "0") == "0":
            self.lock()
            told.touch()
        while not told.exists():
            time.sleep(0.02)
        self.found["started"] = time.monotonic()
        limit = TURN_LIMIT_S.get(self.cell.model, OTHER_LIMIT_S)
        timer = threading.Timer(limit, self.end, (limit,))
        timer.daemon = True
        timer.start()

    def lock(self) -> None:
        if self.cell.alone:
            for file in self.files:
                fcntl.flock(file, fcntl.LOCK_EX)
        while self.files and not self.cell.alone:
            for file in self.files:
                try:
                    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    time.sleep(0.02)

    def end(self, limit: int) -> None:
        """The limit is over."""
        if self.found["phase"] != "done":
            self.found.pop("before", None)
            self.found["error"] = f"TimeLimit: not done after {limit} s, {self.found.get('steps', 0)} steps taken"
            write(self.out, self.found)
            os._exit(9)


def end_with_parent() -> None:
    """A launcher that is killed leaves its ranks behind, spinning on the GPUs: they end when it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(10)

    threading.Thread(target=watch, daemon=True).start()


def write(out: Path, found: dict[str, Any]) -> None:
    """This rank's file."""
    (out / f"rank{os.environ.get('RANK', '0')}.json").write_text(json.dumps(found))


def piece(parameter: Any) -> Any:
    """What this rank holds of a parameter, whoever sharded it."""
    if hasattr(parameter, "ds_tensor"):
        return parameter.ds_tensor.detach()
    return parameter.to_local().detach() if hasattr(parameter, "to_local") else parameter.detach()


def held(model: Any) -> int:
    """Bytes of all parameters on this rank."""
    return sum(part.numel() * part.element_size() for part in map(piece, model.parameters()))


def watched(cell: Cell, model: Any) -> dict[str, Any]:
    """Copies of trained weights, to see how far they move; of a full model those of the first layer."""
    every = cell.method != "full"
    return {
        name: piece(parameter).float().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and (every or ".layers.0." in name or "flat_param" in name)
    }


def moved(cell: Cell, model: Any, before: dict[str, Any]) -> float:
    """Norm of the change of the watched weights, over all ranks where they are sharded."""
    import torch

    after = dict(model.named_parameters())
    squares = [((piece(after[name]).float() - old) ** 2).sum() for name, old in before.items()]
    total = torch.stack(squares).sum() if squares else torch.zeros((), device=next(model.parameters()).device)
    if cell.strategy in SHARDED:
        torch.distributed.all_reduce(total)
    return math.sqrt(total.item())


def memory(kind: str) -> float:
    """MiB: `memory_allocated`, `max_memory_allocated` or `max_memory_reserved`; 0 on a CPU."""
    import torch

    return round(getattr(torch.cuda, kind)() / 2**20, 1) if on_gpu() else 0.0


def trainer_for(cell: Cell, model: Any, arguments: Any, found: dict[str, Any]) -> Any:
    """A Trainer that keeps the rows' order, and a callback that looks at the wrapped model."""
    import torch
    from transformers import Trainer, TrainerCallback, default_data_collator

    class InOrder(Trainer):  # type: ignore[misc,unused-ignore]
        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(self.train_dataset)

    class Look(TrainerCallback):  # type: ignore[misc,unused-ignore]
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            found["trainable"] = sum(p.requires_grad for p in trainer.model_wrapped.parameters())
            found["prepared"] = round(time.monotonic() - found["started"], 2)
            found["before"] = watched(cell, trainer.model_wrapped)
            found["MiB of parameters"] = round(held(trainer.model_wrapped) / 2**20, 1)
            found["MiB loaded"] = memory("memory_allocated")
            found["MiB peak while loading"] = memory("max_memory_allocated")
            if on_gpu():
                torch.cuda.reset_peak_memory_stats()

        def on_step_end(self, _: Any, state: Any, *__: Any, **___: Any) -> None:
            found["steps"] = state.global_step
            found["step ends"] = [*found.get("step ends", []), round(time.monotonic() - found["started"], 2)]
            if state.global_step in (TIMED_FROM, STEPS):
                if on_gpu():
                    torch.cuda.synchronize()
                found["clock"] = [*found.get("clock", []), time.perf_counter()]

    look = Look()
    trainer = InOrder(
        model=model,
        args=arguments,
        train_dataset=rows(model.config.vocab_size),
        data_collator=default_data_collator,
        callbacks=[look],
    )
    return trainer


def saved(cell: Cell, trainer: Any, out: Path) -> dict[str, Any]:
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


def train(cell: Cell, model: Path, out: Path, found: dict[str, Any]) -> None:
    """Fill `found` as far as it gets."""
    world = int(os.environ.get("WORLD_SIZE", "1"))
    turn = Turn(cell, out, found)
    if cell.alone or cell.strategy == "zero3":
        turn.take()
    arguments = training_arguments(cell, out, world)
    _ = arguments.device
    trainer = trainer_for(cell, adapt(cell, load(cell, model)), arguments, found)
    turn.take()
    try:
        trainer.train()
    finally:
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        found["losses"] = losses
        found["gradient norms"] = [e["grad_norm"] for e in trainer.state.log_history if "grad_norm" in e][:3]
        found["MiB peak"] = memory("max_memory_allocated")
        found["MiB peak reserved"] = memory("max_memory_reserved")
    start, end = found.pop("clock")
    found["tokens/s"] = round((STEPS - TIMED_FROM) * ROWS * LENGTH / (end - start))
    found["moved"] = round(moved(cell, trainer.model_wrapped, found.pop("before")), 5)
    if cell.model != "4B":
        found["phase"] = "save"
        found["saved"] = saved(cell, trainer, out)
    found["phase"] = "done"


def versions() -> dict[str, str]:
    from importlib.metadata import PackageNotFoundError, version

    import torch

    found = {"torch": torch.__version__, "python": sys.version.split()[0]}
    for name in ("transformers", "peft", "accelerate", "deepspeed", "bitsandbytes"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def error_of(problem: BaseException) -> dict[str, str]:
    """Its text and the last place that it came through."""
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    where = "/".join(Path(frame.filename).parts[-3:])
    return {"error": f"{type(problem).__name__}: {problem}"[:1500], "where": f"{where}:{frame.lineno} {frame.name}"}


def main() -> None:
    cell, model, out = Cell(**json.loads(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3])
    end_with_parent()
    found: dict[str, Any] = {"phase": "train", "versions": versions()}
    if on_gpu():
        import torch

        found["gpu"] = torch.cuda.get_device_name()
    try:
        train(cell, model, out, found)
    except BaseException as problem:
        found |= error_of(problem)
        raise
    finally:
        found.pop("before", None)
        write(out, found)


if __name__ == "__main__":
    main()
