"""The root of the exceptions that this package raises."""


class QwenRecipesError(Exception):
    """Something that a person can mend: its message says what is wrong."""
