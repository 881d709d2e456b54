"""How rows are written. In a compiled folder the module itself stands here: the program in it needs no package."""

from qwen_recipes.filesystem.replace_file import open_folder, replace_file

__all__ = ["open_folder", "replace_file"]
