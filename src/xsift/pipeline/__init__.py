"""Whole ways, from an input to a result: classify, train, vote, scan, validate, fetch."""
