"""The frameworks' own arguments against ours."""
