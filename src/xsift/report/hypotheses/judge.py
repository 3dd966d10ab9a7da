"""Every statement on a catalogue: by the class that it gave, or by known labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from xsift.report.hypotheses.effect import Effect, effect_of, verdict_of
from xsift.report.hypotheses.statements import STATEMENTS, Population, Statement

__all__ = ["JUDGED", "judge"]

JUDGED = pa.schema(
    [
        ("key", pa.string()),
        ("statement", pa.string()),
        ("version", pa.string()),
        ("measured", pa.string()),
        ("a", pa.string()),
        ("b", pa.string()),
        ("n_a", pa.int64()),
        ("n_b", pa.int64()),
        ("value_a", pa.float64()),
        ("value_b", pa.float64()),
        ("effect", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("p_above", pa.float64()),
        ("verdict", pa.string()),
        ("why", pa.string()),
        ("circular", pa.bool_()),
        ("refuted_by", pa.string()),
    ]
)
"""Columns of the table that `judge` returns."""


def judge(
    values: Mapping[str, np.ndarray],
    source: np.ndarray,
    code: np.ndarray,
    codes: Sequence[str],
    version: str,
    seed: int,
    statements: Sequence[Statement] = STATEMENTS,
) -> pa.Table:
    """Test statements on rows that have a class.

    Every source counts once, by its first row that has what a statement needs. Sources with the
    same values in all quantities count as one, because the catalogue links one detection to
    several names.

    Parameters
    ----------
    values : mapping of str to ndarray of shape (n,)
        Features, and ``abs_b_deg`` if there are positions. Missing values are NaN.
    source : ndarray of int, shape (n,)
        Number of each row's source.
    code : ndarray of int, shape (n,)
        Class of each row's source, as an index into `codes`. -1 means none.
    codes : sequence of str
    version : {"class", "label"}
        Where the classes come from.
    seed : int
    statements : sequence of Statement

    Returns
    -------
    pyarrow.Table
        One row per statement, with the columns of `JUDGED`. ``value_a`` and ``value_b`` are
        medians or shares. They are NaN for a statement that cannot be tested, and ``why`` gives the
        reason.
    """
    once = _distinct(values, source, code)
    rows = []
    for number, statement in enumerate(statements):
        about = {
            "key": statement.key,
            "statement": statement.text,
            "version": version,
            "measured": statement.measured,
            "a": _present(statement.a, codes),
            "b": _present(statement.b, codes),
            "circular": version == "class" and statement.is_circular_by_class,
            "refuted_by": statement.refuted_by,
        }
        missing = [q for q in statement.needs if q not in values]
        absent = [p.name for p in (statement.a, statement.b) if not set(p.codes) & set(codes)]
        if missing:
            what = "no positions" if "abs_b_deg" in missing else f"no {', '.join(missing)}"
            found = _untested(f"the catalogue has {what}")
        elif absent:
            found = _untested(f"no class of the model is among the {' or the '.join(absent)}")
        else:
            found = _tested(statement, values, source, code, codes, once, seed + number)
        rows.append(about | found)
    return pa.Table.from_pylist(rows, schema=JUDGED)


def _distinct(values: Mapping[str, np.ndarray], source: np.ndarray, code: np.ndarray) -> np.ndarray:
    """Tell which rows are not another source's row over again, bool (n,)."""
    keep = np.ones(len(source), dtype=bool)
    features = [v for k, v in values.items() if k != "abs_b_deg"]
    if len(features) < 4:  # two sources may well share a few rounded values
        return keep
    X = np.column_stack(features)
    whole = np.flatnonzero((code >= 0) & np.isfinite(X).all(axis=1))
    _, first, at = np.unique(X[whole], axis=0, return_index=True, return_inverse=True)
    original = source[whole[first]][at.ravel()]
    keep[whole] = source[whole] == original
    return keep


def _tested(
    statement: Statement,
    values: Mapping[str, np.ndarray],
    source: np.ndarray,
    code: np.ndarray,
    codes: Sequence[str],
    once: np.ndarray,
    seed: int,
) -> dict[str, object]:
    quantity = values[statement.quantity]
    known = once & np.logical_and.reduce([np.isfinite(values[q]) for q in statement.needs])
    is_share = statement.above is not None or statement.below is not None
    if statement.above is not None:
        quantity = (quantity > statement.above).astype(np.float64)
    elif statement.below is not None:
        quantity = (quantity < statement.below).astype(np.float64)
    a, b = (
        quantity[_first(known & _members(p, values, code, codes), source)]
        for p in (statement.a, statement.b)
    )
    effect = effect_of(a, b, seed)
    verdict, why = verdict_of(effect)
    middle = np.mean if is_share else np.median
    return {
        **_numbers(effect),
        "value_a": float(middle(a)) if len(a) else None,
        "value_b": float(middle(b)) if len(b) else None,
        "verdict": verdict,
        "why": why,
    }


def _members(
    population: Population, values: Mapping[str, np.ndarray], code: np.ndarray, codes: Sequence[str]
) -> np.ndarray:
    members = np.isin(code, [i for i, c in enumerate(codes) if c in population.codes])
    if population.soft is not None:
        soft = (values["hard_hm"] <= -0.5) & (values["hard_hs"] <= -0.5)
        members &= soft == population.soft
    return members


def _first(rows: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Return the first of the chosen rows of each source."""
    chosen = np.flatnonzero(rows)
    _, first = np.unique(source[chosen], return_index=True)
    return chosen[first]


def _present(population: Population, codes: Sequence[str]) -> str:
    there = [c for c in population.codes if c in codes]
    return f"{population.name} ({', '.join(there)})" if there else population.name


def _numbers(effect: Effect) -> dict[str, object]:
    shown = {"effect": effect.value, "low": effect.low, "high": effect.high}
    shown["p_above"] = effect.p_above
    numbers: dict[str, object] = {k: None if np.isnan(v) else v for k, v in shown.items()}
    return numbers | {"n_a": effect.n_a, "n_b": effect.n_b}


def _untested(why: str) -> dict[str, object]:
    nothing = _numbers(Effect(np.nan, np.nan, np.nan, 0, 0))
    return nothing | {"value_a": None, "value_b": None, "verdict": "not tested", "why": why}
