"""QR2xx: adapters and quantization."""
