"""Validation that cannot fool its user."""
