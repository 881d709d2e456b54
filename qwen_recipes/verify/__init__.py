"""The frameworks' own encoders, each in its environment, held against ours."""
