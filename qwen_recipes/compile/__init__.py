"""Plan to files, through the templates, proved against the backend's schema."""

from qwen_recipes.compile.compiler import CompiledRecipe, compile_backend_recipe, compile_recipe, render_recipe
from qwen_recipes.compile.output_folder import HandEditedError, diff_files, find_drifted, find_hand_edited, write_files
from qwen_recipes.compile.owner import SharedFolderError, check_folders_apart, find_other_owner
from qwen_recipes.compile.validate_output import InvalidOutputError

__all__ = [
    "CompiledRecipe",
    "HandEditedError",
    "InvalidOutputError",
    "SharedFolderError",
    "check_folders_apart",
    "compile_backend_recipe",
    "compile_recipe",
    "diff_files",
    "find_drifted",
    "find_hand_edited",
    "find_other_owner",
    "render_recipe",
    "write_files",
]
