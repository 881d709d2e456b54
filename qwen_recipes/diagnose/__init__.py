"""What a failed run comes down to: its log, and known causes as data."""
