"""Every write of this package: whole files, logs, and sets of files that belong together."""
