"""Make the quickstart's model folder: Qwen3's tokenizer from this package, a tiny random model from the framework."""

from __future__ import annotations

import subprocess
from pathlib import Path

from qwen_recipes.backends import load_backend
from qwen_recipes.environments.environment import get_managed_environment
from qwen_recipes.qwen.tokenizer import get_tokenizer_folder

HERE = Path(__file__).parent


def main() -> None:
    """Write `model/` beside this file; nothing is done where it is there already."""
    environment = get_managed_environment(load_backend("llamafactory"), "cpu")
    script = [str(HERE / "make_tiny_model.py"), str(HERE / "model")]
    subprocess.run(
        [str(environment.interpreter), *script, "--tokenizer", str(get_tokenizer_folder("hybrid"))], check=True
    )


if __name__ == "__main__":
    main()
