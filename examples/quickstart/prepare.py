"""Make the quickstart's model folder: Qwen3's tokenizer from this package, a tiny random model from the framework."""

from __future__ import annotations

import subprocess
from pathlib import Path

from qwen_recipes.backends import backend_named
from qwen_recipes.launch.environment import managed
from qwen_recipes.qwen.tokenizer import tokenizer_folder

HERE = Path(__file__).parent


def main() -> None:
    """Write `model/` beside this file; nothing is done where it is there already."""
    environment = managed(backend_named("llamafactory"), "cpu")
    script = [str(HERE / "make_tiny_model.py"), str(HERE / "model")]
    subprocess.run([str(environment.interpreter), *script, "--tokenizer", str(tokenizer_folder("hybrid"))], check=True)


if __name__ == "__main__":
    main()
