"""Figures of speed and memory, as ratios against a named peer in the same run.

`python -m benchmarks` runs all; `--smoke` (or SMOKE=1) a small size that checks that everything
still runs and agrees.
"""
