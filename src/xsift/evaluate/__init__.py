"""Validation that cannot fool its user: splits, baselines, experiments, metrics."""
