"""How files are opened to be read. In a compiled folder the module itself stands here, as `replace_file.py` does."""

from qwen_recipes.filesystem.regular_file import open_regular_file

__all__ = ["open_regular_file"]
