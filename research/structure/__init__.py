"""Size, names and owners of the package before and after its move, and what readers stumbled over."""
