"""Locked environments for the frameworks: build, check, describe."""
