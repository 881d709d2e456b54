"""`python trainer_plugin.py METHOD [OPTIONS] --config FILE`: TRL's own script of METHOD, in this process.

What TRL's command line leaves out is added here: unknown keys are an error, preferences that are ids already are read
as they are, trained weights are held in the dtype that is asked for, training stops early, and the model card says what
was trained.
"""

import argparse
import sys
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import Any

TRAINERS = {
    "sft": "SFTTrainer",
    "dpo": "DPOTrainer",
    "kto": "KTOTrainer",
    "grpo": "GRPOTrainer",
    "reward": "RewardTrainer",
}
ID_COLUMNS = {
    "dpo": ("prompt_ids", "chosen_ids", "rejected_ids"),
    "kto": ("prompt_ids", "completion_ids", "KL_completion_ids", "label"),
}
"""What the collators of TRL's preference trainers read. Its scripts would make ids of text themselves."""


def main(words: list[str]) -> None:
    """Train. Exits where the config has a key that TRL does not know."""
    options, rest = parse_options(words)
    script = import_module(f"trl.scripts.{options.method}")
    parser = script.make_parser(prog=f"trl {options.method}")
    *parsed, unknown = parser.parse_args_and_config(rest, return_remaining_strings=True)
    if unknown:
        sys.exit(f"trl {options.method}: unknown keys: {' '.join(unknown)}")
    trainer = getattr(import_module("trl"), TRAINERS[options.method])
    config = rest[rest.index("--config") + 1]
    extend_trainer(trainer, options, Path(config))
    script.main(*parsed)


def parse_options(words: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """This program's options, and those that are TRL's."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("method", choices=TRAINERS)
    parser.add_argument("--weights_dtype", choices=["float32", "bfloat16"])
    parser.add_argument("--early_stopping", type=int)
    return parser.parse_known_args(words)


def extend_trainer(trainer: Any, options: argparse.Namespace, config: Path) -> None:
    """Change the class: what it prepares, what it does once it is built, and the card that it writes."""
    build, save = trainer.__init__, trainer._save

    @wraps(build)
    def build_and_adjust(self: Any, *args: Any, **more: Any) -> None:
        build(self, *args, **more)
        cast_trained_weights(self.model, options.weights_dtype)
        if options.method == "kto":
            self.args.train_sampling_strategy = "random"
        if options.early_stopping:
            self.add_callback(import_module("transformers").EarlyStoppingCallback(options.early_stopping))

    @wraps(save)
    def save_with_card(self: Any, output_dir: Any = None, *args: Any, **more: Any) -> None:
        save(self, output_dir, *args, **more)
        if self.args.should_save:  # every process comes here, and only one makes the folder
            write_model_card(self, options.method, Path(output_dir or self.args.output_dir), config)

    trainer.__init__, trainer._save = build_and_adjust, save_with_card
    trainer.create_model_card = lambda self, *_args, **_more: None
    if columns := ID_COLUMNS.get(options.method):
        trainer._prepare_dataset = lambda self, dataset, *_args, **_more: dataset.select_columns(list(columns))


def cast_trained_weights(model: Any, dtype: str | None) -> None:
    """Hold what is trained in this dtype."""
    for weight in model.parameters() if dtype else ():
        if weight.requires_grad:
            weight.data = weight.data.to(getattr(import_module("torch"), str(dtype)))


def write_model_card(trainer: Any, method: str, folder: Path, config: Path) -> None:
    """README.md beside saved weights: the base model, TRL's version, and the config. TRL's and PEFT's name neither a
    data set nor a setting, and name a folder as the base model."""
    model = trainer.model
    base = str(getattr(model.config, "_name_or_path", ""))
    kind = "peft" if hasattr(model, "peft_config") else "transformers"
    lines = ["---", *([] if not base or Path(base).is_dir() else [f"base_model: {base}"]), f"library_name: {kind}"]
    lines += ["tags:", "- trl", f"- {method}", "---", "", f"# {Path(trainer.args.output_dir).name}", ""]
    version = import_module("trl").__version__
    lines += [f"Trained by `trl {method}` (TRL {version}) with:", "", "```yaml", config.read_text("utf-8"), "```", ""]
    (folder / "README.md").write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
