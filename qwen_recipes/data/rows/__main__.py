"""`python -m rows rows.json`."""

import sys

from .prepare import main

if __name__ == "__main__":
    main(sys.argv[1])
