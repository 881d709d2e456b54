"""The frameworks' own pipelines from rows to tokens, each run by the interpreter that the framework is installed under.

Nothing here may import the rest of this package: the files run where it is not installed. `worker` imports a framework
once and forks a child for each job; a backend's `row_encoder.py` encodes the rows of one compiled config.
"""
