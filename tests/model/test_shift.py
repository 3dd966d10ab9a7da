"""A table unlike the training table is warned of, with figures; one like it is not."""

import dataclasses
import json
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import ks_2samp

from xsift.errors import XsiftWarning
from xsift.model.shift import ShiftSums, warn_of_shift


def shift_of(X, said, model):
    return warn_of_shift(ShiftSums.of(X, said.typicality, model), model)


def test_the_training_table_is_like_itself(model, X):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = shift_of(X, model.predict(X), model)
    # Its own detections lie a little too well in the mixture that they made.
    assert found["atypical"] < 0.06
    assert set(found) == {"atypical", *model.features}
    assert max(found[name] for name in model.features) < 0.02


def test_a_table_elsewhere_is_warned_of(model, X):
    at = model.features.index("powlaw_gamma")
    moved = X.copy()
    moved[:, at] += 5 * np.nanstd(X[:, at])
    with pytest.warns(XsiftWarning, match="this table is unlike the training table") as caught:
        found = shift_of(moved, model.predict(moved), model)
    said = str(caught[0].message)
    assert "\n" not in said
    assert "powlaw_gamma by 0.9" in said or "powlaw_gamma by 1.0" in said
    assert found["atypical"] > 0.1
    assert found["hard_hs"] < 0.02


def test_the_distance_is_kolmogorovs(model, X):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, len(X), 300)
    moved = X[rows].copy()
    j = model.features.index("bb_kt")
    moved[:, j] *= 1.3
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = shift_of(moved, model.predict(moved), model)
    x, there = moved[:, j], X[:, j]
    expected = ks_2samp(x[~np.isnan(x)], there[~np.isnan(there)]).statistic
    assert expected > 0.05
    # Taken at 500 knots, and where values are equal by the mean rank: half a step of each table.
    assert abs(found["bb_kt"] - expected) < 1 / 500 + 1 / 600 + 1 / 300


def test_few_detections_say_nothing(model, X):
    assert shift_of(X[:9] + 9, model.predict(X[:9] + 9), model) == {}


def test_a_small_table_is_warned_of_beyond_chance(model, X):
    far = X[:30] + 9
    with pytest.warns(XsiftWarning, match="this table is unlike the training table: 100%"):
        shift_of(far, model.predict(far), model)
    # 3 of 20 are three times as many as expected, and in one table of thirteen by chance.
    said = model.predict(X[:20])
    typicality = np.where(np.arange(20) < 3, 0.01, 0.5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = shift_of(X[:20], dataclasses.replace(said, typicality=typicality), model)
    assert found["atypical"] == 0.15


def test_a_feature_that_is_not_there_has_no_distance(model, X):
    hidden = X.copy()
    hidden[:, 3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = shift_of(hidden, model.predict(hidden), model)
    assert model.features[3] not in found


def test_classify_warns_and_records_it(xsift, calibrated, tmp_path, model, X):
    table = pq.read_table(calibrated / "table.parquet")
    at = table.column_names.index("powlaw_gamma")
    gamma = table["powlaw_gamma"].to_numpy()
    moved = pa.array(gamma + 5 * np.nanstd(gamma))
    pq.write_table(table.set_column(at, "powlaw_gamma", moved), tmp_path / "t.parquet")
    done = xsift(
        *("classify", tmp_path / "t.parquet", "--model", calibrated / "model.asdf"),
        *("--out", tmp_path / "o"),
    )
    assert done.status == 0, done
    record = json.loads((tmp_path / "o" / "run.json").read_text())
    assert any(w.startswith("this table is unlike") for w in record["warnings"])
    assert record["shift"]["powlaw_gamma"] > 0.9
