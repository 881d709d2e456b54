"""Try models from everywhere: what `show`, `lint`, `plan` and `compile` make of each source.

`python -m tools.model_sources` writes `tools/docs/model_sources.json`, which docs/reference/models.md reads;
`tests/unit/qwen/test_model_sources.py` repeats it. The cache and the folders are made up here, as transformers and the
hub's client write them; nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from qwen_recipes.cli import main as recipes
from qwen_recipes.qwen.coder import read_coder_template
from qwen_recipes.qwen.facts import ModelFacts
from qwen_recipes.qwen.models import get_model_facts
from qwen_recipes.qwen.placeholder_model import write_model_config, write_placeholder_model

RESULTS = Path(__file__).parent / "docs" / "model_sources.json"
COMMIT = "c" * 40
ROW = {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
OWN_TEMPLATE = "{{ messages[0].content }}"
COMMANDS = {
    "show": ("show", "r.yaml", "--resolved"),
    "lint": ("lint", "r.yaml"),
    "plan": ("plan", "r.yaml", "--gpu", "h200"),
    "compile": ("compile", "r.yaml", "-o", "out"),
}
Settings = Mapping[str, Any]
Make = Callable[[Path], None]


@dataclass(frozen=True)
class ModelSource:
    """A model as a recipe names it, and how its files come to be. `model` is YAML."""

    what: str
    where: str
    model: str
    make: Make | None = None
    folder: str = ""
    """Where `make` writes; a repository of the cache where `where` is `cache`."""


@dataclass(frozen=True)
class TriedSource:
    """Exit codes by command, and the first thing that is said where one is not 0."""

    what: str
    where: str
    model: str
    exit_codes: dict[str, int]
    message: str


def _like(release: str, changes: Settings | None = None, drop: tuple[str, ...] = ()) -> Make:
    """A copy of a release: its config with some keys changed, its tokenizer."""

    def make(folder: Path) -> None:
        write_placeholder_model(get_model_facts(release), folder)
        _change_config(folder, changes or {}, drop)

    return make


def _config_alone(release: str, changes: Settings, drop: tuple[str, ...] = ()) -> Make:
    def make(folder: Path) -> None:
        facts: ModelFacts = get_model_facts(release)
        write_model_config(facts, folder)
        _change_config(folder, changes, drop)

    return make


def _change_config(folder: Path, changes: Settings, drop: tuple[str, ...]) -> None:
    file = folder / "config.json"
    found = {**json.loads(file.read_text("utf-8")), **changes}
    file.write_text(json.dumps({key: value for key, value in found.items() if key not in drop}, indent=2), "utf-8")


def _with_template(make: Make, text: str) -> Make:
    def write_with_template(folder: Path) -> None:
        make(folder)
        (folder / "chat_template.jinja").write_text(text, "utf-8")

    return write_with_template


def _nested(model_type: str, part: str) -> Make:
    """A config whose language model stands in a part of it, as in models of several modalities."""

    def make(folder: Path) -> None:
        write_model_config(get_model_facts("Qwen/Qwen3-8B"), folder)
        file = folder / "config.json"
        inner = json.loads(file.read_text("utf-8"))
        outer: dict[str, Any] = {"model_type": model_type, "architectures": [f"{model_type}ForConditionalGeneration"]}
        nested = outer
        for name in part.split("."):
            nested[name] = {}
            nested = nested[name]
        nested.update({**inner, "model_type": f"{model_type}_text"})
        file.write_text(json.dumps(outer), "utf-8")

    return make


def _adapter(folder: Path) -> None:
    told = {"peft_type": "LORA", "base_model_name_or_path": "Qwen/Qwen3-4B", "r": 16, "target_modules": ["q_proj"]}
    (folder / "adapter_config.json").write_text(json.dumps(told), "utf-8")


def _earlier_recipe(folder: Path) -> None:
    told = "version: 1\nname: sft\nmodel: Qwen/Qwen3-4B\nmethod: full\ndata: {train: rows.jsonl}\n"
    (folder / "sft.yaml").write_text(told + "output: {dir: runs/sft}\n", "utf-8")


def _quantized(**config: Any) -> Settings:
    return {"quantization_config": config}


ROPE_5 = {"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}
EXPERTS_5 = {"num_local_experts": 128, **ROPE_5}
BNB = _quantized(quant_method="bitsandbytes", load_in_4bit=True, bnb_4bit_quant_type="nf4")
COMPRESSED = _quantized(
    quant_method="compressed-tensors", config_groups={"group_0": {"weights": {"num_bits": 4, "type": "int"}}}
)
FP8 = _quantized(quant_method="fp8", weight_block_size=[128, 128])
AWQ, GPTQ = _quantized(quant_method="awq", bits=4), _quantized(quant_method="gptq", bits=8)
DENSE, MOE, INSTRUCT = "Qwen/Qwen3-8B", "Qwen/Qwen3-30B-A3B", "Qwen/Qwen3-4B-Instruct-2507"
CODER = "Qwen/Qwen3-30B-A3B-Instruct-2507"


def _cached(what: str, repo: str, make: Make) -> ModelSource:
    return ModelSource(what, "cache", repo, make, repo)


def _folder(what: str, make: Make, name: str = "model") -> ModelSource:
    return ModelSource(what, "folder", f"./{name}", make, name)


SOURCES = (
    ModelSource("a release", "registry", "Qwen/Qwen3-4B"),
    ModelSource("a release, written otherwise", "registry", "qwen/qwen3-4b-instruct-2507"),
    ModelSource("a release without its organisation", "registry", "Qwen3-4B"),
    ModelSource("a mixture of experts", "registry", MOE),
    ModelSource("Qwen's FP8 copy", "registry", "Qwen/Qwen3-4B-FP8"),
    ModelSource("Qwen's AWQ copy", "registry", "Qwen/Qwen3-8B-AWQ"),
    ModelSource("Qwen's GPTQ copy", "registry", "Qwen/Qwen3-30B-A3B-GPTQ-Int4"),
    _cached("a mirror of a release", "unsloth/Qwen3-4B-Instruct-2507", _like(INSTRUCT)),
    _cached("a fine-tune", "me/support-bot", _like(DENSE)),
    ModelSource("a fine-tune at a commit", "cache", f"{{id: me/bot, revision: {COMMIT[:8]}}}", _like(DENSE), "me/bot"),
    _cached("a fine-tune with a template of its own", "me/own", _with_template(_like(DENSE), OWN_TEMPLATE)),
    _cached("in 4 bits by bitsandbytes", "unsloth/Qwen3-8B-bnb-4bit", _like(DENSE, BNB)),
    _cached("in 4 bits by compressed-tensors", "org/Qwen3-8B-w4a16", _like(DENSE, COMPRESSED)),
    _cached("in FP8", "org/Qwen3-8B-FP8-dynamic", _like(DENSE, FP8)),
    _cached("in 4 bits by AWQ", "org/bot-AWQ", _like(DENSE, AWQ)),
    _cached("in 8 bits by GPTQ", "org/bot-GPTQ", _like(DENSE, GPTQ)),
    _cached("Qwen3-Coder", "Qwen/Qwen3-Coder-30B-A3B-Instruct", _with_template(_like(CODER), read_coder_template())),
    _cached("Qwen3Guard", "Qwen/Qwen3Guard-Gen-8B", _with_template(_like(DENSE), "UNSAFE CONTENT CATEGORIES")),
    ModelSource("not in the cache", "hub", "me/unseen"),
    ModelSource("not in the cache, stated", "hub", "{id: me/unseen, like: Qwen/Qwen3-4B}"),
    ModelSource("Qwen3-Coder, not in the cache", "registry", "Qwen/Qwen3-Coder-30B-A3B-Instruct"),
    ModelSource("Qwen3-Next, not in the cache", "hub", "Qwen/Qwen3-Next-80B-A3B-Instruct"),
    _folder("saved by transformers 4.51", _like(DENSE)),
    _folder("saved by transformers 5", _like(DENSE, ROPE_5, ("rope_theta",))),
    _folder("experts, saved by transformers 4.51", _like(MOE)),
    _folder("experts, saved by transformers 5", _like(MOE, EXPERTS_5, ("num_experts", "rope_theta"))),
    _folder("config.json alone", _config_alone(DENSE, {})),
    _folder("config.json that lacks a key", _config_alone(DENSE, {}, ("hidden_size",))),
    _folder("an adapter", _adapter, "adapter"),
    _folder("no config.json", lambda folder: None, "empty"),
    ModelSource("what an earlier run will write", "folder", "runs/sft", _earlier_recipe, "."),
    _folder("Qwen3-Next", _config_alone(MOE, {"model_type": "qwen3_next"}), "next"),
    _folder("Qwen3-VL", _nested("qwen3_vl", "text_config"), "vl"),
    _folder("Qwen3-Omni", _nested("qwen3_omni_moe", "thinker_config.text_config"), "omni"),
    _folder("Qwen3.5", _nested("qwen3_5", "text_config"), "q35"),
    _folder("Qwen2.5", _config_alone(DENSE, {"model_type": "qwen2"}), "q25"),
    _folder("Llama", _config_alone(DENSE, {"model_type": "llama"}), "llama"),
    _folder("Mistral", _config_alone(DENSE, {"model_type": "mistral"}), "mistral"),
    _folder("Gemma 3", _nested("gemma3", "text_config"), "gemma"),
)  # fmt: skip


def try_source(source: ModelSource) -> TriedSource:
    """Make a source's files in an empty folder and run the commands there."""
    with tempfile.TemporaryDirectory() as name, _in_folder(Path(name)) as workspace:
        if source.make is not None:
            folder = _find_place(workspace, source)
            folder.mkdir(parents=True, exist_ok=True)
            source.make(folder)
        (workspace / "rows.jsonl").write_text(json.dumps(ROW) + "\n", "utf-8")
        (workspace / "r.yaml").write_text(f"version: 1\nmodel: {source.model}\ndata: {{train: rows.jsonl}}\n", "utf-8")
        codes, message = {}, ""
        for command, words in COMMANDS.items():
            result = CliRunner().invoke(recipes, words)
            codes[command] = int(result.exit_code)
            if result.exit_code and not message:
                message = _find_message(result.output)
        return TriedSource(source.what, source.where, source.model, codes, message.replace(f"{workspace}/", ""))


def _find_place(workspace: Path, source: ModelSource) -> Path:
    if source.where != "cache":
        return workspace / source.folder
    repo = workspace / "cache" / f"models--{source.folder.replace('/', '--')}"
    (repo / "refs").mkdir(parents=True)
    (repo / "refs" / "main").write_text(COMMIT, "utf-8")
    return repo / "snapshots" / COMMIT


@contextmanager
def _in_folder(workspace: Path) -> Iterator[Path]:
    """Work there, with a cache of its own and nothing of the hub's."""
    wanted = {"HF_HUB_CACHE": str(workspace / "cache"), "HF_HUB_OFFLINE": "1", "NO_COLOR": "1"}
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        with chdir(workspace):
            yield workspace
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _find_message(output: str) -> str:
    """The first finding's or error's own line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "")


def main() -> int:
    """Write the results."""
    tried = [asdict(try_source(source)) for source in SOURCES]
    RESULTS.write_text(json.dumps(tried, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
