"""The command line: one command, one file, loaded when it is called."""

from qwen_recipes.cli.root import main

__all__ = ["main"]
