"""A lasso against Matplotlib's own paths, and what is no lasso."""

import numpy as np
import pytest
from matplotlib.path import Path

CORNERS = [(-0.6, -0.7), (0.7, -0.5), (0.1, 0.1), (0.6, 0.8), (-0.5, 0.6)]


def written(corners, flags="0:0", names="hard_hm:hard_hs"):
    return ":".join([names, flags, *(f"{v:.6g}" for corner in corners for v in corner)])


def indices(get, lasso):
    rows = []
    while True:
        found = get("/api/sources", lasso=lasso, offset=len(rows), limit=200)
        rows += found["rows"]
        if len(rows) >= found["total"]:
            return {row["index"] for row in rows}


def test_a_lasso_keeps_what_lies_inside(get, served):
    x, y = served.numbers["hard_hm"], served.numbers["hard_hs"]
    inside = (
        Path(CORNERS).contains_points(np.column_stack([x, y])) & np.isfinite(x) & np.isfinite(y)
    )
    assert 0 < inside.sum() < served.n
    assert indices(get, written(CORNERS)) == set(np.flatnonzero(inside))


def test_on_log_axes_its_sides_are_straight_there(get, served):
    x, y = served.numbers["bb_kt"], served.numbers["hard_hs"]
    corners = [(0.05, -0.9), (20.0, -0.9), (0.2, 0.9)]
    straight = Path([(np.log10(a), b) for a, b in corners])
    logs = np.log10(x, out=np.full(served.n, np.nan), where=x > 0)
    inside = straight.contains_points(np.column_stack([logs, y])) & np.isfinite(logs + y)
    plain = Path(corners).contains_points(np.column_stack([x, y])) & np.isfinite(x + y)
    assert inside.any()
    assert (inside != plain).any()
    assert indices(get, written(corners, "1:0", "bb_kt:hard_hs")) == set(np.flatnonzero(inside))


@pytest.mark.parametrize(
    ("lasso", "said"),
    [
        ("a:b", "give XCOL:YCOL:XLOG:YLOG and 3 to 200 corners x:y"),
        (written(CORNERS[:2]), "give XCOL:YCOL:XLOG:YLOG and 3 to 200 corners x:y"),
        (written(CORNERS * 41), "give XCOL:YCOL:XLOG:YLOG and 3 to 200 corners x:y"),
        (written(CORNERS, "0:2"), "XLOG and YLOG are 0 or 1"),
        (written(CORNERS) + ":x:1", "a corner is not a number"),
        (written(CORNERS) + ":inf:1", "a corner is not a number"),
        (written(CORNERS, "1:0"), "a corner is not positive on a logarithmic axis"),
        (written(CORNERS, names="name:hard_hs"), "the catalogue has no numbers 'name'"),
    ],
)
def test_what_is_no_lasso_is_refused_in_one_line(refused, lasso, said):
    status, line = refused("/api/filter", lasso=lasso)
    assert status == 422
    assert line.startswith("lasso '")
    assert said in line
