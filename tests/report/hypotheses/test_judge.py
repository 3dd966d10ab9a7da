"""Statements on made-up catalogues."""

from dataclasses import replace

import numpy as np
import pytest

from xsift.classes import PAPER_CLASSES
from xsift.report.hypotheses import JUDGED, STATEMENTS, judge

CODES = PAPER_CLASSES.codes
QUANTITIES = ("hard_hm", "hard_hs", "powlaw_gamma", "var_prob_b", "abs_b_deg")


def made_up(n=60, seed=0):
    rng = np.random.default_rng(seed)
    code = np.repeat(np.arange(len(CODES)), n)
    values = {q: rng.random(len(code)) for q in QUANTITIES}
    return values, np.arange(len(code)), code


def rows(values, source, code, codes=CODES, version="class"):
    table = judge(values, source, code, codes, version, seed=1)
    assert table.schema == JUDGED
    assert table.num_rows == len(STATEMENTS)
    return {r["key"]: r for r in table.to_pylist()}


def test_keys_are_distinct_and_every_statement_can_fall():
    assert len({s.key for s in STATEMENTS}) == len(STATEMENTS) > 10
    assert all(s.refuted_by and s.text for s in STATEMENTS)
    assert all(set(s.a.codes + s.b.codes) <= set(CODES) for s in STATEMENTS)


def test_what_is_there_is_found_and_what_is_not_is_not():
    values, source, code = made_up()
    values["hard_hs"] += np.where(code == CODES.index("Sy2"), 0.7, 0)
    found = rows(values, source, code)
    assert found["sy2_harder_than_sy1"]["verdict"] == "supported"
    assert found["agn_harder_than_qso"]["verdict"] in ("undecided", "not supported")
    values["hard_hs"] *= -1
    turned = rows(values, source, code)["sy2_harder_than_sy1"]
    assert turned["verdict"] == "not supported"
    assert "opposite" in turned["why"]


def test_the_numbers_by_hand():
    values, source, code = made_up(n=30)
    found = rows(values, source, code)["young_stars_in_plane"]
    young = np.isin(code, [CODES.index(c) for c in ("Y*O", "TT*", "Or*")])
    large = np.isin(code, [CODES.index(c) for c in ("QSO", "AGN", "Sy1", "Sy2")])
    near = values["abs_b_deg"] < 5
    assert (found["n_a"], found["n_b"]) == (90, 120)
    assert found["value_a"] == pytest.approx(near[young].mean())
    assert found["effect"] == pytest.approx(near[young].mean() - near[large].mean())
    assert found["measured"] == "share with |b| < 5 deg"
    gamma = rows(values, source, code)["young_stars_steeper"]
    assert gamma["value_a"] == pytest.approx(np.median(values["powlaw_gamma"][young]))


def test_positions_are_not_circular_features_are_and_labels_never():
    values, source, code = made_up()
    found = rows(values, source, code)
    assert found["young_stars_vary"]["circular"]
    assert not found["young_stars_in_plane"]["circular"]
    assert not any(r["circular"] for r in rows(values, source, code, version="label").values())


def test_a_source_counts_once_by_its_first_row_that_has_the_value():
    values, source, code = made_up(n=25)
    twice = {q: np.concatenate([v, v + 0.5]) for q, v in values.items()}
    twice["hard_hs"][:5] = np.nan  # these count by their second rows
    found = rows(twice, np.tile(source, 2), np.tile(code, 2))["agn_harder_than_qso"]
    assert (found["n_a"], found["n_b"]) == (25, 25)
    qso = twice["hard_hs"][:25].copy()
    qso[:5] = values["hard_hs"][:5] + 0.5
    assert found["value_b"] == pytest.approx(np.median(qso))


def test_a_detection_under_several_names_counts_once():
    values, _, code = made_up(n=25)
    more = {q: np.concatenate([v, v[:10]]) for q, v in values.items()}
    found = rows(more, np.arange(len(code) + 10), np.concatenate([code, code[:10]]))
    assert found["agn_harder_than_qso"]["n_b"] == 25
    other = {q: v.copy() for q, v in more.items()}
    other["hard_hm"][-10:] += 0.1  # another value: other sources
    found = rows(other, np.arange(len(code) + 10), np.concatenate([code, code[:10]]))
    assert found["agn_harder_than_qso"]["n_b"] == 35


def test_the_very_soft_ones_are_chosen():
    values, source, code = made_up(n=30)
    young = np.isin(code, [CODES.index(c) for c in ("Y*O", "TT*", "Or*")])
    soft = young & (np.arange(len(code)) % 3 == 0)
    values["hard_hm"] = np.where(soft, -0.6, 0.2) + 0.001 * values["hard_hm"]
    values["hard_hs"] = np.where(soft, -0.7, -0.7) + 0.001 * values["hard_hs"]
    values["abs_b_deg"] = np.where(soft, 40.0, 2.0)
    found = rows(values, source, code)["very_soft_young_stars_off_plane"]
    assert (found["n_a"], found["n_b"]) == (soft.sum(), young.sum() - soft.sum())
    assert found["verdict"] == "supported"


def test_what_is_missing_is_said():
    values, source, code = made_up()
    del values["abs_b_deg"], values["hard_hs"]
    found = rows(values, source, code)
    assert found["young_stars_in_plane"]["why"] == "the catalogue has no positions"
    assert found["sy2_harder_than_sy1"]["why"] == "the catalogue has no hard_hs"
    assert found["sy2_harder_than_sy1"]["verdict"] == "not tested"
    assert found["sy2_harder_than_sy1"]["effect"] is None


def test_other_classes():
    values, source, _ = made_up()
    found = rows(values, source, source % 2, codes=("QSO", "my star"))
    assert "AGN" in found["agn_harder_than_qso"]["why"]
    assert all(r["verdict"] == "not tested" for r in found.values())
    found = rows(values, source, source % 2, codes=("QSO", "TT*"))
    row = found["ttauri_vary_strongly"]
    assert row["b"] == "active galaxies of all kinds (QSO)"
    assert row["verdict"] != "not tested"


def test_no_rows_at_all():
    found = rows({q: np.zeros(0) for q in QUANTITIES}, np.zeros(0, int), np.zeros(0, int))
    assert {r["verdict"] for r in found.values()} == {"not tested"}


def test_own_statements():
    values, source, code = made_up()
    mine = replace(STATEMENTS[0], key="mine")
    table = judge(values, source, code, CODES, "class", 1, [mine])
    assert table["key"].to_pylist() == ["mine"]
