"""What a failed run is caused by: its log, and known causes as data."""
