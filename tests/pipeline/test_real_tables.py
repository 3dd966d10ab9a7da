"""The whole method on the real tables."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from xsift import Settings, classify, run, surveys
from xsift.features import PaperScaler, derive
from xsift.mixture import Mixture
from xsift.read import read_detections
from xsift.vote import key_order


@pytest.fixture(scope="module")
def query(real):
    labels = real("csc20_labels.csv")
    paper = Settings(method="paper")
    return {f: run(real(f"csc20_query.{f}"), labels, paper) for f in ("vot", "fits")}


def test_votable_and_fits_give_the_same_catalogue(query):
    vot, fits = query["vot"], query["fits"]
    assert vot.detections.equals(fits.detections)
    assert vot.sources.equals(fits.sources)
    assert vot.record["counts"] == fits.record["counts"]
    assert vot.model.model_id == fits.model.model_id


def test_counts_of_every_stage(query):
    counts = query["vot"].record["counts"]
    assert (counts["detections"], counts["complete"]) == (3701, 3154)
    assert counts["with_missing_features"] == 547 == counts["unscored"]
    roles = [counts[r] for r in ("trained", "scored", "set_aside", "unscored")]
    assert sum(roles) == 3701
    assert query["vot"].detections.num_rows == 3701
    assert counts["sources"] == counts["unique"] + counts["ambiguous"]


def test_the_summary_warns_of_what_this_table_lacks(query):
    notes = " / ".join(query["vot"].record["warnings"])
    assert "no labelled detections of Y*O, TT*, Or*" in notes
    assert "is the only class with 12 and more: every detection in it gets probability 1" in notes


def test_rows_and_roles(query, real):
    table = query["vot"].detections
    names = read_names(real("csc20_query.vot"))
    assert table["name"].to_pylist() == names
    p = np.column_stack([table[c].to_numpy() for c in table.column_names if c.startswith("p_")])
    unscored = np.array(table["role"].to_pylist()) == "unscored"
    assert np.isnan(p[unscored]).all()
    np.testing.assert_allclose(p[~unscored].sum(axis=1), 1, rtol=1e-12)
    flags = np.array(table["flag"].to_pylist(), dtype=object)
    assert all(f.startswith("misses ") for f in flags[unscored])


def read_names(path):
    survey = surveys.load("csc20")
    return read_detections(path, survey, survey.feature_set("all")).table["name"].to_pylist()


def test_only_unlabelled_detections_vote_unless_asked(query, real):
    table = query["vot"].detections
    trained = np.array(table["role"].to_pylist()) == "trained"
    sources = set(query["vot"].sources["name"].to_pylist())
    only_trained = set(table.filter(trained)["name"].to_pylist()) - set(
        table.filter(~trained)["name"].to_pylist()
    )
    assert only_trained
    assert not only_trained & sources
    settings = Settings(method="paper", vote_trained=True)
    everyone = run(real("csc20_query.fits"), real("csc20_labels.csv"), settings)
    assert only_trained <= set(everyone.sources["name"].to_pylist())


def test_csc20_with_all_ten_classes(real):
    settings = Settings(method="paper", label_column="label10_best", features="all")
    result = run(real("csc20_detections.parquet"), settings=settings)
    counts = result.record["counts"]
    assert (counts["detections"], counts["complete"]) == (58576, 14757)
    assert len(result.record["model"]["class_counts"]) == 10
    assert result.detections.num_rows == 58576


def test_types_outside_the_classes_are_set_aside_and_counted(real):
    settings = Settings(
        method="paper", label_column="otype", source_column="source_group", features="without-newq"
    )
    result = run(real("csc21_labelled_train.parquet"), settings=settings)
    role = np.array(result.detections["role"].to_pylist())
    label = np.array(result.detections["label"].to_pylist(), dtype=object)
    assert set(label[role == "set_aside"]) == set(result.record["set_aside"])
    assert result.record["set_aside"]["CV*"] == (label == "CV*").sum() > 0
    assert result.record["counts"]["set_aside"] == (role == "set_aside").sum()
    assert {"X", "*"} <= set(label[role == "scored"])
    assert "label X" not in result.detections["flag"].to_pylist()


def test_the_published_clusters(real):
    """With the published constants and mixture: 12,292 of 12,292 rows of full precision."""
    published = json.loads(real("paper_gmm.json").read_text())
    survey = surveys.load("csc20")
    chosen = survey.feature_set("all")
    path = real("csc20_detections.parquet")
    features = derive(read_detections(path, survey, chosen).table, survey, chosen)
    scaler = PaperScaler([f.scaling for f in chosen]).fit(features.X[features.complete])
    for j, name in enumerate(features.names):
        constants = published["normalisation"].get(name, {})
        if "log_min" in constants:
            scaler.offset_[j] = constants["eps"]
            scaler.low_[j], scaler.high_[j] = constants["log_min"], constants["log_max"]
        elif constants:
            scaler.low_[j], scaler.high_[j] = constants["min"], constants["max"]
    mixture = Mixture(*(np.array(published[k]) for k in ("weights_", "means_", "covariances_")))
    beside = pq.read_table(path, columns=["paper_cluster", "feature_precision"])
    paper = beside["paper_cluster"].to_numpy()
    full = [str(p).startswith("full") for p in beside["feature_precision"].to_pylist()]
    rows = np.flatnonzero(features.complete & ~np.isnan(paper) & full)
    assert len(rows) == 12292
    assert (mixture.predict(scaler.transform(features.X[rows])) != paper[rows]).sum() == 0


def test_clusters_are_scikit_learns_on_the_table_in_key_order(real):
    from sklearn.mixture import GaussianMixture

    survey = surveys.load("csc20")
    chosen = survey.feature_set("all")
    paper = Settings(method="paper")
    result = run(real("csc20_query.fits"), real("csc20_labels.csv"), paper)
    table = read_detections(real("csc20_query.fits"), survey, chosen).table
    features = derive(table, survey, chosen)
    order = key_order(table, np.flatnonzero(features.complete))
    Z = PaperScaler([f.scaling for f in chosen]).fit_transform(features.X[order])
    expected = GaussianMixture(6, random_state=42).fit_predict(Z)
    assert_array_equal(result.detections["cluster"].to_numpy()[order], expected)


def balanced_accuracy(truth, predicted):
    return np.mean([(predicted[truth == t] == t).mean() for t in np.unique(truth)])


@pytest.mark.parametrize("seed", [0, 42])
def test_held_out_sources(real, tmp_path, seed):
    """5 folds by source: balanced accuracy over the four groups is the published method's."""
    table = pq.read_table(real("csc21_labelled_train.parquet"))
    label = np.array(table["label10"].to_pylist(), dtype=object)
    table = table.filter(label != np.array(None))
    source = table["source_group"].to_numpy()
    truth = np.array(table["label4"].to_pylist(), dtype=object)
    predicted = np.empty(len(source), dtype=object)
    fold_of = np.random.default_rng(seed).integers(0, 5, source.max() + 1)
    settings = Settings(
        method="paper",
        label_column="label10",
        source_column="source_group",
        features="without-newq",
        seed=seed,
    )
    for fold in range(5):
        held_out = fold_of[source] == fold
        pq.write_table(table.filter(~held_out), tmp_path / "train.parquet")
        pq.write_table(table.filter(held_out), tmp_path / "test.parquet")
        run(tmp_path / "train.parquet", settings=settings).write(tmp_path / "M", ("parquet",))
        unseen = classify(
            tmp_path / "test.parquet",
            tmp_path / "M" / "model.asdf",
            Settings(method="paper", source_column="source_group"),
        )
        predicted[held_out] = unseen.detections["group"].to_pylist()
    assert 0.57 <= balanced_accuracy(truth, predicted) <= 0.62


def test_a_row_is_classified_alone_as_among_others(real, tmp_path):
    survey = surveys.load("csc20")
    path = real("csc20_query.fits")
    whole = classify(path, "csc20-paper").detections
    table = read_detections(path, survey, survey.feature_set("all")).table
    for rows in ([17], list(range(100, 110)), list(range(3700, -1, -1))):
        part = tmp_path / "part.parquet"
        pq.write_table(table.take(rows), part)
        found = classify(part, "csc20-paper").detections
        assert found.equals(whole.take(rows))


def test_row_order_changes_nothing(real, tmp_path):
    """Shuffled, the table trains the same model and gives the same sources."""
    path = real("csc20_query.fits")
    survey = surveys.load("csc20")
    table = read_detections(path, survey, survey.feature_set("all")).table
    # The two detections that repeat a (name, obsid) are ties: their order may matter.
    keys = list(zip(table["name"].to_pylist(), table["obsid"].to_pylist(), strict=True))
    distinct = [i for i, k in enumerate(keys) if keys.index(k) == i]
    order = np.random.default_rng(3).permutation(distinct)
    results = []
    for rows in (distinct, order):
        pq.write_table(table.take(rows), tmp_path / "t.parquet")
        results.append(run(tmp_path / "t.parquet", real("csc20_labels.csv")))
    assert results[0].model.model_id == results[1].model.model_id
    assert results[0].sources.equals(results[1].sources)


@pytest.mark.real
@pytest.mark.slow
def test_gaps_do_not_make_x_ray_binaries(real):
    """The labelled binaries of this table come from lists that lack columns."""
    result = run(real("csc20_detections.parquet"), label_column="label10_best")
    assert result.record["gaps"]["missing"] == "remove"
    assert any("missing remove took it out" in w for w in result.record["warnings"])
    table = result.detections
    scored = np.array(table["role"].to_pylist()) == "scored"
    n_missing = table["n_missing"].to_numpy()
    p = sum(np.nan_to_num(table[c].to_numpy()) for c in ("p_hmxb", "p_lmxb", "p_xb"))
    complete = p[scored & (n_missing == 0)].mean()
    for n in range(1, 11):
        if (rows := scored & (n_missing == n)).sum() >= 20:
            assert p[rows].mean() < 2 * complete
    # Whatever lies above comes from the values: with the same features hidden, complete ones get
    # no more than they had.
    found = result.record["by_gaps"]
    for pattern in found["patterns"]:
        assert pattern["hidden"]["XB"] < 1.3 * found["complete"]["shares"]["XB"]
