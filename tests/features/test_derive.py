"""Derived features: by hand, and what becomes of values that are missing or not possible."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose

from xsift import surveys
from xsift.features import derive

SURVEY = surveys.load("csc20")
TWELVE = SURVEY.feature_set("all")


def table(**columns):
    n = len(next(c for c in columns.values() if c is not None))
    full = {f.name: [0.5] * n for f in TWELVE} | columns
    return pa.table({k: v for k, v in full.items() if v is not None})


def test_ratio_and_asymmetry_by_hand():
    # sigma / mean = 2 / 8; ((max + min) / 2) / mean = ((10 + 4) / 2) / 8
    raw = table(
        var_ratio_b=None,
        var_newq_b=None,
        var_sigma_b=[2.0],
        var_mean_b=[8.0],
        var_max_b=[10.0],
        var_min_b=[4.0],
    )
    found = derive(raw, SURVEY, TWELVE)
    at = {name: found.X[0, j] for j, name in enumerate(found.names)}
    assert at["var_ratio_b"] == 0.25
    assert at["var_newq_b"] == 0.875
    assert found.complete.all()


def test_own_column_wins_and_inputs_fill_its_gaps():
    raw = table(var_ratio_h=[0.1, None], var_sigma_h=[5.0, 3.0], var_mean_h=[10.0, 10.0])
    found = derive(raw, SURVEY, TWELVE)
    assert_allclose(found.X[:, found.names.index("var_ratio_h")], [0.1, 0.3], rtol=1e-15)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"hard_hm": [None]}, "misses hard_hm"),
        ({"hard_hm": [float("nan")], "bb_kt": [None]}, "misses hard_hm, bb_kt"),
        ({"hard_hm": [3.0]}, "hard_hm = 3 is not -1 to 1"),
        ({"bb_kt": [-0.5]}, "bb_kt = -0.5 is not above 0, to 1000 keV"),
        ({"powlaw_gamma": [float("inf")]}, "powlaw_gamma = inf is not -10 to 15"),
        (
            {"var_ratio_b": None, "var_sigma_b": [1.0], "var_mean_b": [None]},
            "misses var_ratio_b",
        ),
        (
            {"var_ratio_b": None, "var_sigma_b": [1.0], "var_mean_b": [0.0]},
            "var_ratio_b = inf is not 0 and more",
        ),
        (
            {"var_ratio_b": None, "var_sigma_b": [-1.0], "var_mean_b": [-2.0]},
            "var_ratio_b = 0.5 follows from an impossible var_sigma_b or var_mean_b",
        ),
        ({"hard_hs": [2.0], "hard_ms": [None]}, "misses hard_ms; hard_hs = 2 is not -1 to 1"),
    ],
)
def test_reasons(columns, reason):
    found = derive(table(**columns), SURVEY, TWELVE)
    assert found.reasons() == {0: reason}
    assert not found.complete.any()


def test_nothing_is_imputed():
    found = derive(table(hard_hm=[None, 0.1]), SURVEY, TWELVE)
    assert np.isnan(found.X[0, 0])
    assert found.n_missing.tolist() == [1, 0]
