"""What is measured: one cell is a model, a method, a strategy, a kind of checkpointing, and the software it runs on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product

GRID_MODEL = "0.6B-4layers"
"""Qwen3-0.6B's widths and vocabulary, 4 of its 28 layers: a step costs Python's time per module, not the GPU's."""
CHECKPOINTING = ("non-reentrant", "reentrant")
STRATEGIES = ("ddp", "zero2", "zero3", "fsdp1", "fsdp2")
GRID = (
    ("lora", ""),
    ("qlora", "uint8"),
    ("qlora", "bf16"),
    ("dora", ""),
    ("qdora", "uint8"),
    ("8bit", ""),
    ("full", ""),
)
"""Methods, and how the 4-bit weights are stored."""


@dataclass(frozen=True)
class StrategyCell:
    """`option` departs from what our templates write: see `strategy_worker.py`. `stack` names a set of versions."""

    model: str
    method: str
    strategy: str
    checkpointing: str = "non-reentrant"
    storage: str = ""
    stack: str = "current"
    option: str = ""

    @property
    def key(self) -> str:
        """What tells it from the others: `0.6B lora zero3 reentrant`, with storage, stack and option as needed."""
        parts = (self.model, self.method, self.storage, self.strategy, self.checkpointing, self.stack, self.option)
        return " ".join(part for part in parts if part and part != "current")

    @property
    def baseline(self) -> StrategyCell:
        """The same on one GPU. How 4-bit weights are stored changes nothing there."""
        storage = "uint8" if self.storage else ""
        stack = self.stack if self.stack in STACKS_WITH_BASELINE else "current"
        return StrategyCell(self.model, self.method, "single", "non-reentrant", storage, stack)

    @property
    def runs_alone(self) -> bool:
        """Whether nothing else may train beside it: its speed is read."""
        return self.model == "4B"

    @property
    def bits(self) -> int:
        """Bits of a weight of the base."""
        return {"qlora": 4, "qdora": 4, "8bit": 8}.get(self.method, 16)

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


STACKS_WITH_BASELINE = ("transformers-4",)


def grid_cell(
    method: str, strategy: str, checkpointing: str = "non-reentrant", storage: str = "", **fields: str
) -> StrategyCell:
    """A cell of the small model."""
    return StrategyCell(GRID_MODEL, method, strategy, checkpointing, storage, **fields)


def baseline_cells() -> Iterator[StrategyCell]:
    """One GPU; LoRA reentrant and not, because their difference is the noise."""
    for method, storage in GRID:
        if storage != "bf16":
            yield grid_cell(method, "single", storage=storage)
    yield grid_cell("lora", "single", "reentrant")


def zero3_adapter_cells() -> Iterator[StrategyCell]:
    """QR101 and QR102."""
    for (method, storage), checkpointing in product(GRID[:-1], CHECKPOINTING):
        yield grid_cell(method, "zero3", checkpointing, storage)
    yield grid_cell("lora", "zero3", stack="deepspeed-0.19.3")
    for stack, checkpointing in product(("deepspeed-0.19.2", "deepspeed-0.18.2"), CHECKPOINTING):
        yield grid_cell("lora", "zero3", checkpointing, stack=stack)
    yield grid_cell("lora", "zero3", "reentrant", option="no input gradients")


def fsdp_quantized_cells() -> Iterator[StrategyCell]:
    """QR103."""
    for storage, checkpointing in product(("bf16", "uint8"), CHECKPOINTING):
        yield grid_cell("qlora", "fsdp2", checkpointing, storage)
    for strategy, storage in (("fsdp1", "bf16"), ("fsdp1", "uint8")):
        yield grid_cell("qlora", strategy, storage=storage)
    for strategy in ("fsdp2", "fsdp1"):
        yield grid_cell("8bit", strategy)
        yield grid_cell("qdora", strategy, storage="bf16")
    yield grid_cell("qlora", "fsdp1", "reentrant", "bf16")
    for option in ("ram-efficient loading", "checkpointing by fsdp"):
        yield grid_cell("qlora", "fsdp2", storage="bf16", option=option)


def zero2_qdora_cells() -> Iterator[StrategyCell]:
    """QR104."""
    for checkpointing in CHECKPOINTING:
        yield grid_cell("qdora", "zero2", checkpointing, "uint8")
    yield grid_cell("qdora", "zero2", storage="bf16")


def full_weight_cells() -> Iterator[StrategyCell]:
    """QR107 and QR108."""
    for strategy in STRATEGIES:
        yield grid_cell("full", strategy)
    for strategy, method in product(("fsdp2", "fsdp1"), ("full", "lora")):
        yield grid_cell(method, strategy, option="wraps LlamaDecoderLayer")
    for strategy in ("zero3", "fsdp2"):
        yield grid_cell("full", strategy, "reentrant")


def moe_cells() -> Iterator[StrategyCell]:
    """QR106. transformers 4 has one module an expert, transformers 5 one weight for all of them."""
    for stack in ("current", "transformers-4"):
        yield StrategyCell("moe", "lora", "single", stack=stack)
        yield StrategyCell("moe", "lora", "zero3", stack=stack)
        yield StrategyCell("moe", "lora", "zero3", stack=stack, option="no leaf modules")
        yield StrategyCell("moe", "full", "zero3", stack=stack)
        yield StrategyCell("moe", "full", "zero3", stack=stack, option="no leaf modules")
    for method in ("lora", "full"):
        yield StrategyCell("moe", method, "fsdp2")
        yield StrategyCell("moe", method, "fsdp2", option="wraps Qwen3DecoderLayer")


def llamafactory_version_cells() -> Iterator[StrategyCell]:
    """The guards' cells on the versions that LLaMA-Factory 0.9.5 runs on."""
    for checkpointing in CHECKPOINTING:
        yield grid_cell("lora", "zero3", checkpointing, stack="llamafactory")
    for method, strategy, storage in (
        ("dora", "zero3", ""),
        ("qlora", "zero3", "bf16"),
        ("qlora", "fsdp2", "bf16"),
        ("full", "zero3", ""),
        ("full", "fsdp2", ""),
    ):
        yield grid_cell(method, strategy, storage=storage, stack="llamafactory")


def remaining_grid_cells() -> Iterator[StrategyCell]:
    """Every combination that is not above."""
    for checkpointing, strategy, (method, storage) in product(CHECKPOINTING, STRATEGIES, GRID):
        yield grid_cell(method, strategy, checkpointing, storage)


def large_model_cells() -> Iterator[StrategyCell]:
    """All of the 4B's layers, one cell at a time, for memory and speed."""
    for method, strategy, storage in (
        ("full", "fsdp2", ""),
        ("lora", "zero2", ""),
        ("full", "zero3", ""),
        ("qlora", "fsdp2", "bf16"),
        ("qlora", "fsdp2", "uint8"),
        ("lora", "zero3", ""),
        ("full", "ddp", ""),
    ):
        yield StrategyCell("4B", method, strategy, storage=storage)


def whole_model_cells() -> Iterator[StrategyCell]:
    """All of the 0.6B's layers, to compare with the small model."""
    for (method, storage), checkpointing in product(GRID, CHECKPOINTING):
        if storage != "bf16":
            yield StrategyCell("0.6B", method, "single", checkpointing, storage)
    for method, strategy, storage in (("lora", "zero3", ""), ("qlora", "fsdp2", "bf16"), ("qdora", "fsdp2", "bf16")):
        yield StrategyCell("0.6B", method, strategy, storage=storage)
    for storage in ("bf16", "uint8"):
        yield StrategyCell("0.6B", "qlora", "fsdp2", "reentrant", storage)


def list_cells() -> list[StrategyCell]:
    """Every cell once, those that the guards speak of first."""
    parts = (
        baseline_cells,
        zero3_adapter_cells,
        fsdp_quantized_cells,
        zero2_qdora_cells,
        full_weight_cells,
        moe_cells,
        llamafactory_version_cells,
        large_model_cells,
        remaining_grid_cells,
        whole_model_cells,
    )
    return list(dict.fromkeys(cell for part in parts for cell in part()))
