"""Whole ways, from an input to a result: fetch, run, classify, vote, scan, evaluate, demo."""
