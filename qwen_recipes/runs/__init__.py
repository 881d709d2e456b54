"""A run: preflight, the process and its supervisor, progress, checkpoints, resume, record, lock."""
