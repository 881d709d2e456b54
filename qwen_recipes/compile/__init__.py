"""Plan to files, through the templates, proved against the backend's schema."""

from qwen_recipes.compile.compiler import Compiled, compile_for
from qwen_recipes.compile.prove import BadOutput
from qwen_recipes.compile.write import HandEdited, differences, drifted, hand_edited, write

__all__ = ["BadOutput", "Compiled", "HandEdited", "compile_for", "differences", "drifted", "hand_edited", "write"]
