"""The host's side of the probe at the trainer: a recipe made ready for one CPU, the worker, and the table of checks.

`trainer/` next to this package is the side that runs in a framework's own interpreter.
"""
