"""What each framework accepts, printed as JSON Schema by its own interpreter.

`python -m extractors.<framework>` runs from `schemas/` (see `extract_schemas.py`): as plain scripts these modules
would hide the packages they read.
"""
