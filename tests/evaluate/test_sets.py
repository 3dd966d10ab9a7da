"""Coverage and size of sets, by hand and in the results of a validation."""

import numpy as np

from xsift.classes import PAPER_CLASSES
from xsift.evaluate.experiments import Protocol, folds_of, plan, run_task
from xsift.evaluate.metrics import Resamples, levels_of
from xsift.evaluate.results import results
from xsift.evaluate.sets import Sets

GROUPS = levels_of(PAPER_CLASSES)[0]


def test_by_hand():
    # Two AGN, one found; one young star, found among three groups. No Seyfert and no binary.
    members = np.array([[1, 1, 0, 0], [0, 0, 0, 1], [1, 0, 1, 1]], dtype=bool)
    resamples = Resamples.draw(np.arange(3), np.ones(3, dtype=bool), seed=0, n=0)
    found = Sets(np.arange(3), members, np.array([0, 1, 8])).measure(GROUPS, resamples)
    assert found["coverage"]["value"] == 2 / 3
    assert found["size"]["value"] == 2
    assert set(found["groups"]) == {"AGN", "YSO"}
    assert found["groups"]["AGN"]["coverage"]["value"] == 0.5
    assert found["groups"]["AGN"]["size"]["value"] == 1.5
    assert found["groups"]["YSO"]["coverage"]["n"] == 1


def test_in_the_results(cohort, nearest):
    protocol = Protocol(3, 1, 7, ("folds",))
    fold = folds_of(cohort, "folds", protocol)
    tasks = plan(cohort, ["nearest"], protocol)
    answers = {t: run_task(cohort, fold, nearest, t, protocol) for t in tasks}
    found = results(cohort, ["nearest"], protocol, answers.get)["folds"]["nearest"]
    for what in ("detections", "sources"):
        sets = found[what]["groups"]["sets"]
        n = found[what]["groups"]["n_detections"]
        assert sets["coverage"]["n"] == n
        assert 0.5 < sets["coverage"]["value"] <= 1
        assert sum(f["size"]["n"] for f in sets["groups"].values()) == n
    rows = np.concatenate([a.rows for a in answers.values()])
    p = np.concatenate(
        [np.column_stack([a.p * (1 - a.beside), a.beside]) for a in answers.values()]
    )
    y = cohort.y[rows]
    expected = (p >= 0.3)[y >= 0, y[y >= 0]].mean()
    value = found["detections"]["groups"]["sets"]["coverage"]["value"]
    assert np.isclose(value, expected, atol=1e-12)
