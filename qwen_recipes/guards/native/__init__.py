"""A framework's own config, held against the guards."""
