"""QR7xx: framework versions and their keys."""
