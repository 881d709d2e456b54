"""What each framework accepts, printed as JSON Schema by its own interpreter: `python -m schemas.<framework>`.

Run from `scripts/` (see `make_schemas.py`): as plain scripts these modules would hide the packages they read.
"""
