"""What each framework accepts, printed as JSON Schema by its own interpreter.

`python -m schema_extractors.<framework>` runs from `tools/` (see `extract_schemas.py`): as plain scripts these modules
would hide the packages they read.
"""
