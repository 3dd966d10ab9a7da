"""Real faint detections: what a model says of them, against bright ones of the same source."""

import warnings

import numpy as np
import pytest

from xsift import Settings, surveys
from xsift.errors import XsiftWarning
from xsift.evaluate.fusion import geometric_mean
from xsift.model.sample import read_sample
from xsift.model.training import train

BRIGHT, FAINT = 200.0, 60.0
SETTINGS = Settings(
    label_column="label10",
    source_column="source_group",
    features="without-newq",
    survey="csc21",
    closing="remove",
)

pytestmark = [pytest.mark.real, pytest.mark.slow]


@pytest.fixture
def said(real):
    """Of faint detections with a bright one of their source: source and the bright verdict.

    And the probabilities of the plain groups, told the counts and taken as exact. The model has
    learned from CSC 2.1; the detections and their limits are of CSC 2.0. Labels are no help here:
    those of `csc20_detections` in this table are 464 rows of 44 sources, all X-ray binaries.
    """
    table, counted = real("csc21_labelled_train.parquet"), real("csc20_counts.parquet")
    survey = surveys.load("csc21")
    features, classes = survey.feature_set("without-newq"), survey.classes
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)  # of what the tables lack
        sample = read_sample(table, survey, features, SETTINGS, classes)
        model, _ = train(sample, survey, classes, SETTINGS)
        asked = read_sample(counted, survey, features, Settings()).held_to(model.features)
    X, counts = asked.features.values, asked.features.counts
    group = np.array(classes.group_index[: classes.n_plain])

    def among_plain_groups(counts):
        p = model.predict(X, counts).p[:, : classes.n_plain]
        of_group = np.column_stack([p[:, group == g].sum(axis=1) for g in range(group.max() + 1)])
        return of_group / of_group.sum(axis=1, keepdims=True)

    p, as_exact = among_plain_groups(counts), among_plain_groups(None)
    source = asked.source(np.arange(len(counts)))
    has = np.isfinite(p).all(axis=1)
    is_bright = has & (counts >= BRIGHT)
    sources = np.unique(source[is_bright])
    verdict = geometric_mean(p[is_bright], source[is_bright]).argmax(axis=1)
    rows = np.flatnonzero(has & (counts < FAINT) & np.isin(source, sources))
    at = np.searchsorted(sources, source[rows])
    return source[rows], verdict[at], p[rows], as_exact[rows]


def mismatch(p, verdict):
    """The mean difference of promise and agreement, over tenths of the top probability."""
    bins, differs = (10 * p.max(axis=1)).astype(int), p.max(axis=1) - (p.argmax(axis=1) == verdict)
    return sum(abs(differs[bins == b].sum()) for b in np.unique(bins)) / len(p)


def test_the_faint_agree_with_the_bright_as_often_as_they_say(said):
    """1,387 detections below 60 counts, of 75 sources that have one above 200.

    Taken as exact, the same detections are far too sure.
    """
    source, verdict, p, as_exact = said
    assert (len(source), len(np.unique(source))) == (1387, 75)
    bins, agrees = (10 * p.max(axis=1)).astype(int), p.argmax(axis=1) == verdict
    n_looked_at = 0
    for here in (bins == b for b in np.unique(bins)):
        if len(np.unique(source[here])) >= 30:  # of fewer sources a share says little
            n_looked_at += here.sum()
            promised = p[here].max(axis=1).mean()
            assert agrees[here].mean() == pytest.approx(promised, abs=0.15)
    assert n_looked_at > 1200
    assert mismatch(p, verdict) < 0.1  # 0.067, with a scatter of 0.05 from source to source
    given = p[np.arange(len(p)), verdict].mean()
    assert given == pytest.approx((p**2).sum(axis=1).mean(), abs=0.03)  # 0.420 and 0.397
    assert mismatch(as_exact, verdict) > 2 * mismatch(p, verdict)  # 0.160
    assert as_exact.max(axis=1).mean() > p.max(axis=1).mean() + 0.05
