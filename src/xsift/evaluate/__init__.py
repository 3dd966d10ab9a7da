"""Validation on held-out sources: splits, baselines, experiments, metrics."""
