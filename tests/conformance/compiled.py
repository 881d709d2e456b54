"""Recipes compiled into a folder and put through the frameworks' own parsers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.backends.plan import Plan
from qwen_recipes.compile import CompiledRecipe, compile_recipe, write_files
from qwen_recipes.data.rows.files_beside_rows import copy_files
from qwen_recipes.finding import RecipeError
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.placeholder_model import write_model_config
from qwen_recipes.recipe.load import load_recipe
from tests.conformance.framework_parser import FrameworkParser, ParsedConfig

BACKENDS = ("axolotl", "llamafactory", "ms-swift")
PARSED = (*BACKENDS, "trl")
"""Those whose own parser reads what is compiled."""
ACCELERATED = ("llamafactory", "trl")
"""Started by `accelerate launch` for FSDP."""
EXAMPLES = Path(__file__).parents[2] / "examples"
REFUSED_BY = {
    ("tied-embeddings", "llamafactory"): "QR208",
    ("context-parallel-fsdp", "axolotl"): "QR110",
    ("megatron-moe", "axolotl"): "QR110",
    ("pretrain-articles", "llamafactory"): "QR408",
    ("pretrain-embeddings", "llamafactory"): "QR408",
}
"""Guards that refuse a recipe for one framework, which does badly what the others do well."""

UNPARSED = {
    ("stop-by-epoch", "llamafactory"): "swanlab, which the locked environment has not",
    ("stop-by-epoch", "ms-swift"): "swanlab, which the locked environment has not",
    ("galore", "llamafactory"): "galore-torch, which the locked environment has not",
    ("apollo-freeze", "llamafactory"): "apollo-torch, which the locked environment has not",
    ("grpo-vllm-colocate", "ms-swift"): "vLLM, which the locked environment has not",
    ("grpo-vllm-server", "ms-swift"): "vLLM, which the locked environment has not",
    ("megatron-moe", "ms-swift"): "Megatron-Core, which wants a GPU; its schema is from ms-swift's own classes",
}
"""What a framework's parser can't read on this machine, and for want of what."""


def accelerate_variables(plan: Plan) -> dict[str, str]:
    """What `accelerate launch` with our fsdp.yaml puts into the environment, as far as parsers look at it."""
    return {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "1" if plan.hardware.strategy == "fsdp1" else "2"}


def find_command(plan: Plan, backend: str) -> str | None:
    """The subcommand that our run.sh calls; None where a framework has one for all."""
    if backend == "trl":
        return load_backend("trl").native_values["method"].get(plan.objective.type)
    return swift_command(plan) if backend == "ms-swift" else None


def swift_command(plan: Plan) -> str:
    """The subcommand of ms-swift."""
    kind = plan.objective.type
    if plan.objective.kl_weight is not None:
        return "rlhf"
    return {"sft": "sft", "pretrain": "pt"}.get(kind, "rlhf")


def write_model_folder(model: str, root: Path) -> Path:
    """A folder with a config.json of this model's shape, which parsers read in place of the hub's."""
    facts = get_model_facts(model, EXAMPLES)
    folder = root / facts.model_type / str(facts.layers) / str(facts.max_positions)
    write_model_config(facts, folder)
    return folder


def compile_to_folder(recipe: Path, backend: str, folder: Path, sets: tuple[str, ...] = ()) -> CompiledRecipe | None:
    """The recipe compiled and written below `folder`, or None where the backend is refused.

    Its output lies there too, with the files that the row program puts beside the rows.
    """
    output = f"output.dir={folder / backend / 'output'}"
    try:
        made = compile_recipe(load_recipe(str(recipe), (*sets, output)), load_backend(backend), folder / backend)
    except RecipeError as error:
        refused = {finding.code for finding in error.findings if finding.severity == "error"}
        assert refused <= {"backend", REFUSED_BY.get((recipe.stem, backend))}, error.findings
        return None
    write_files(folder / backend, made.files)
    copy_files(json.loads(made.files["rows.json"]), folder / backend)
    return made


def parse_compiled(
    recipe: Path, backend: str, folder: Path, parser_of: Callable[[str], FrameworkParser], sets: tuple[str, ...] = ()
) -> tuple[CompiledRecipe, ParsedConfig] | None:
    """What the framework's own parser makes of the compiled recipe."""
    made = compile_to_folder(recipe, backend, folder, sets)
    if made is None:
        return None
    plan = made.plan
    accelerated = backend in ACCELERATED and plan.hardware.fsdp
    answer = parser_of(backend).parse(
        folder / backend / "train.yaml",
        cwd=recipe.parent,
        gpus=plan.hardware.world,
        assume_gpu=plan.hardware.device == "cuda",
        model_config=None if plan.model.local else write_model_folder(plan.model.id, folder.parent / "models"),
        env=accelerate_variables(plan) if accelerated else {},
        command=find_command(plan, backend),
    )
    return made, answer
