"""Recipes that together try every pair of settings at the trainer."""
