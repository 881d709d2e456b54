"""QR5xx: examples."""
