"""The program that merges adapters, run by a framework's interpreter: `python -m merging JOB.json`."""
