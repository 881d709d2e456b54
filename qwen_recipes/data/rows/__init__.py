"""Prepare the rows of a recipe: one form, one split, one length limit, whichever framework reads them.

Copied beside the compiled config and run by run.sh in the framework's environment, by its path:
`python FOLDER/rows/__main__.py rows.json`. Stands alone (standard library, transformers, and datasets where a source
needs it), since qwen-recipes is not there.
"""
