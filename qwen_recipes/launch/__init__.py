"""Environments, run, and the record of a run."""
