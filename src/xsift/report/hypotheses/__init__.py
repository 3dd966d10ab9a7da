"""Statements about populations of sources, tested: an effect, its interval, a verdict."""

from xsift.report.hypotheses.effect import MARGIN, N_RESAMPLES, RULE, Effect, effect_of, verdict_of
from xsift.report.hypotheses.judge import JUDGED, judge
from xsift.report.hypotheses.statements import (
    NOT_JUDGED,
    STATEMENTS,
    Population,
    Statement,
    statements_for,
)

__all__ = [
    "JUDGED",
    "MARGIN",
    "NOT_JUDGED",
    "N_RESAMPLES",
    "RULE",
    "STATEMENTS",
    "Effect",
    "Population",
    "Statement",
    "effect_of",
    "judge",
    "statements_for",
    "verdict_of",
]
