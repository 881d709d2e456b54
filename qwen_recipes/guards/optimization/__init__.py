"""QR4xx: optimization, precision and kernels."""
