"""QR1xx: parallelism."""
