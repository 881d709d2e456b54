"""Keys whose map may be written as one word, and the field which that word is: overrides and edits expand them."""

SHORTHAND_FIELDS = {"model": "id", "method": "type", "objective": "type", "train": "path", "validation": "path"}
