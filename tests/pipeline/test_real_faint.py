"""Real faint detections: what a model says of them, against bright ones of the same source."""

import warnings

import numpy as np
import pytest

from xsift import Settings, surveys
from xsift.errors import XsiftWarning
from xsift.model.prior import all_shares, estimate_shares, reweight
from xsift.model.sample import read_sample
from xsift.model.training import train

BRIGHT, FAINT = 200.0, 60.0

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture(scope="module")
def said(real):
    """Names, effective counts and group probabilities of the detections with counts.

    Under the shares of the table, as its bright detections tell them.
    """
    table, counted = real("csc21_labelled_train.parquet"), real("csc20_counts.parquet")
    survey = surveys.load("csc21")
    features = survey.feature_set("without-newq")
    known = Settings(
        label_column="label10", source_column="source_group", features="without-newq",
        survey="csc21", closing="remove",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)  # of what the tables lack
        sample = read_sample(table, survey, features, known, survey.classes)
        model, _ = train(sample, survey, survey.classes, known)
        asked = read_sample(counted, survey, features, Settings()).held_to(model.features)
    p = model.predict(asked.features.values, asked.features.counts)
    p = np.column_stack([p.p, p.p_none])
    counts = asked.features.counts
    trained = all_shares(model.prior)
    shares = estimate_shares(p[counts >= BRIGHT], trained)
    p = reweight(p, trained, shares)
    group = np.array([*survey.classes.group_index, len(survey.classes.groups)])
    of_group = np.column_stack([p[:, group == g].sum(axis=1) for g in range(group.max() + 1)])
    return np.array(asked.keys["name"].to_pylist(), dtype=object), counts, of_group


def test_x(said):
    names, counts, p = said
    np.savez("/tmp/said.npz", names=names.astype(str), counts=counts, p=p)
