# ruff: noqa: E501
"""What is measured: one cell is a model, a method, a strategy, a kind of checkpointing, and the software it runs on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product

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
class Cell:
    """`option` is a departure from what our templates write: see `strategy_cell.py`. `stack` names a set of versions."""

    model: str
    method: str
    strategy: str
    checkpointing: str = "non-reentrant"
    storage: str = ""
    stack: str = "current"
    option: str = ""

    @property
    def key(self) -> str:
        """What tells it from the others: `0.6B lora zero3 reentrant`, with storage, stack and option where they matter."""
        parts = (self.model, self.method, self.storage, self.strategy, self.checkpointing, self.stack, self.option)
        return " ".join(part for part in parts if part and part != "current")

    @property
    def baseline(self) -> Cell:
        """The same on one GPU. How 4-bit weights are stored changes nothing there."""
        storage = "uint8" if self.storage else ""
        stack = self.stack if self.stack in OWN_BASELINE else "current"
        return Cell(self.model, self.method, "single", "non-reentrant", storage, stack)

    @property
    def bits(self) -> int:
        """Bits of a weight of the base."""
        return {"qlora": 4, "qdora": 4, "8bit": 8}.get(self.method, 16)

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


OWN_BASELINE = ("llamafactory", "transformers-4")


def baselines() -> Iterator[Cell]:
    """One GPU; reentrant and not, because their difference is the noise."""
    for (method, storage), checkpointing in product(GRID, CHECKPOINTING):
        if storage != "bf16":
            yield Cell("0.6B", method, "single", checkpointing, storage)


def adapters_under_zero3() -> Iterator[Cell]:
    """QR101 and QR102."""
    methods = (("lora", ""), ("dora", ""), ("qlora", "uint8"), ("qdora", "uint8"), ("8bit", ""), ("qlora", "bf16"))
    for (method, storage), checkpointing in product(methods, CHECKPOINTING):
        yield Cell("0.6B", method, "zero3", checkpointing, storage)
    for stack, method, checkpointing in product(
        ("deepspeed-0.19.3", "deepspeed-0.19.2", "deepspeed-0.18.2"), ("lora", "dora"), CHECKPOINTING
    ):
        yield Cell("0.6B", method, "zero3", checkpointing, "", stack)
    yield Cell("0.6B", "lora", "zero3", "none")
    yield Cell("0.6B", "lora", "zero3", "reentrant", option="no input gradients")


def quantized_under_fsdp() -> Iterator[Cell]:
    """QR103."""
    methods = (("qlora", "uint8"), ("qlora", "bf16"), ("qdora", "bf16"), ("qdora", "uint8"), ("8bit", ""))
    for strategy, (method, storage), checkpointing in product(("fsdp2", "fsdp1"), methods, CHECKPOINTING):
        yield Cell("0.6B", method, strategy, checkpointing, storage)
    for strategy in ("fsdp2", "fsdp1"):
        yield Cell("0.6B", "qlora", strategy, "non-reentrant", "bf16", option="ram-efficient loading")
        yield Cell("0.6B", "qlora", strategy, "non-reentrant", "bf16", option="checkpointing by fsdp")


def qdora_under_zero2() -> Iterator[Cell]:
    """QR104."""
    for storage, checkpointing in product(("uint8", "bf16"), CHECKPOINTING):
        yield Cell("0.6B", "qdora", "zero2", checkpointing, storage)


def mixtures() -> Iterator[Cell]:
    """QR106. transformers 4 has one module an expert, transformers 5 one weight for all of them."""
    for stack, method in product(("current", "transformers-4"), ("lora", "full")):
        yield Cell("moe", method, "single", stack=stack)
        yield Cell("moe", method, "zero3", stack=stack)
        yield Cell("moe", method, "zero3", stack=stack, option="no leaf modules")
    for method, strategy in product(("lora", "full"), ("zero2", "fsdp2")):
        yield Cell("moe", method, strategy)
    yield Cell("moe", "lora", "fsdp2", option="wraps Qwen3DecoderLayer")
    yield Cell("moe", "full", "fsdp2", option="wraps Qwen3DecoderLayer")


def every_weight() -> Iterator[Cell]:
    """QR107 and QR108."""
    for strategy, checkpointing in product(STRATEGIES, CHECKPOINTING):
        yield Cell("0.6B", "full", strategy, checkpointing)
    for strategy, method in product(("fsdp2", "fsdp1"), ("full", "lora")):
        yield Cell("0.6B", method, strategy, option="wraps LlamaDecoderLayer")
    for strategy in ("fsdp2", "fsdp1"):
        yield Cell("0.6B", "full", strategy, option="checkpointing by fsdp")


def llamafactory_versions() -> Iterator[Cell]:
    """The guards' cells on the versions that LLaMA-Factory 0.9.5 runs on."""
    for method, storage in (("lora", ""), ("dora", ""), ("qlora", "bf16"), ("full", "")):
        yield Cell("0.6B", method, "single", storage="uint8" if storage else "", stack="llamafactory")
        for strategy in ("zero3", "fsdp2", "zero2"):
            yield Cell("0.6B", method, strategy, storage=storage, stack="llamafactory")
    yield Cell("0.6B", "lora", "zero3", "reentrant", stack="llamafactory")


def rest_of_the_grid() -> Iterator[Cell]:
    """Every combination that is not above."""
    for (method, storage), strategy, checkpointing in product(GRID, STRATEGIES, CHECKPOINTING):
        yield Cell("0.6B", method, strategy, checkpointing, storage)


def larger() -> Iterator[Cell]:
    """4B, one cell at a time: memory and speed."""
    for method, strategy, storage in (
        ("lora", "zero2", ""),
        ("lora", "zero3", ""),
        ("qlora", "fsdp2", "bf16"),
        ("qlora", "fsdp2", "uint8"),
        ("full", "zero3", ""),
        ("full", "fsdp2", ""),
        ("qlora", "zero2", "uint8"),
        ("lora", "fsdp2", ""),
        ("lora", "ddp", ""),
        ("lora", "single", ""),
        ("full", "zero2", ""),
        ("full", "ddp", ""),
        ("qlora", "zero3", "bf16"),
        ("dora", "zero2", ""),
    ):
        yield Cell("4B", method, strategy, storage=storage)


def cells() -> list[Cell]:
    """Every cell once, those that the guards speak of first."""
    parts = (
        baselines,
        adapters_under_zero3,
        quantized_under_fsdp,
        qdora_under_zero2,
        every_weight,
        mixtures,
        llamafactory_versions,
        larger,
        rest_of_the_grid,
    )
    return list(dict.fromkeys(cell for part in parts for cell in part()))
