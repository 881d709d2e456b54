"""QR6xx: memory, disk and host memory."""
