"""The caveats of a catalogue: each kind where it applies, and nowhere else."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import Settings, run
from xsift.catalogue.view import view_catalogue
from xsift.model.file import load_model_tree, save_model_tree
from xsift.report.caveats import caveats_of, faint_share

SHIFT = "this table is unlike the training table: 40% of its detections have a typicality below"


@pytest.fixture
def copy(calibrated, tmp_path):
    shutil.copytree(calibrated, tmp_path / "c")
    return tmp_path / "c"


def say(folder, **said):
    record = json.loads((folder / "run.json").read_text("utf-8"))
    (folder / "run.json").write_text(json.dumps(record | said), "utf-8")


def column(folder, table, name, values):
    path = folder / f"{table}.parquet"
    found = pq.read_table(path)
    if name in found.column_names:
        found = found.drop_columns([name])
    pq.write_table(found.append_column(name, pa.array(values)), path)


def kinds(folder):
    found = {}
    for kind, text in caveats_of(view_catalogue(folder)):
        assert not text[0].islower()
        assert text.endswith(".")
        found.setdefault(kind, []).append(text)
    return found


def test_in_sample(copy):
    (text,) = kinds(copy)["in-sample"]
    assert text.startswith("In-sample: ")
    assert not any("in-sample" in w for w in kinds(copy).get("warning", []))
    roles = pq.read_table(copy / "detections.parquet").num_rows * ["scored"]
    column(copy, "detections", "role", roles)
    assert "in-sample" not in kinds(copy)


def test_shift(copy):
    assert "shift" not in kinds(copy)
    far = {"atypical": 0.4, "hard_hs": 0.1, "bb_kt": 0.6, "hard_hm": 0.3, "hard_ms": 0.2}
    say(copy, shift=far, warnings=[SHIFT, "another thing"])
    found = kinds(copy)
    (text,) = found["shift"]
    assert "40% of its detections have a typicality below 0.05, where 5% are expected" in text
    assert "bb_kt (0.60), hard_hm (0.30), hard_ms (0.20)." in text
    assert found["warning"] == ["Another thing."]
    say(copy, shift="nothing that can be read")
    assert kinds(copy)["warning"][0].startswith("This table is unlike the training table")


@pytest.mark.parametrize(("n", "applies"), [(0, False), (50, False), (300, True)])
def test_faint(copy, n, applies):
    n_all = pq.read_table(copy / "detections.parquet").num_rows
    counts = np.where(np.arange(n_all) < n, 20.0, 500.0)
    column(copy, "detections", "effective_counts", counts)
    assert faint_share(view_catalogue(copy)) == (n / n_all, n, n_all)
    found = kinds(copy)
    assert ("faint" in found) == applies
    if applies:
        assert found["faint"][0].startswith(f"{n / n_all:.0%} of the detections ({n} of {n_all})")


def test_counts_that_are_not_known_are_not_faint(copy):
    column(copy, "detections", "effective_counts", [None] * 599 + [20.0])
    assert faint_share(view_catalogue(copy))[1] == 1


def test_classes_of_few_training_detections(copy):
    tree = load_model_tree(copy / "model.asdf")
    given = pq.read_table(copy / "sources.parquet")["class"].to_pylist()
    training = tree.training.model_copy(
        update={"class_counts": {**tree.training.class_counts, "QSO": 12, "Y*O": 50}}
    )
    save_model_tree(tree.model_copy(update={"training": training}), copy / "model.asdf")
    (text,) = kinds(copy)["few"]
    n = given.count("QSO")
    assert f"QSO (12 in training, {n} sources here)" in text
    assert "Y*O" not in text  # 50 are enough
    (text,) = kinds(copy)["untrained"]
    assert "LXB" in text
    assert "QSO" not in text
    column(copy, "sources", "class", ["AGN"] * len(given))
    assert "few" not in kinds(copy)  # no source here is of the class


def test_values_missing_and_detections_not_classified(copy):
    counts = {"detections": 1000, "with_missing_features": 50, "unscored": 0}
    say(copy, counts=counts)
    assert not {"missing", "unscored"} & set(kinds(copy))
    say(copy, counts=counts | {"with_missing_features": 200, "unscored": 7})
    found = kinds(copy)
    assert found["missing"][0].startswith("20% of the detections (200) lack a feature.")
    assert found["unscored"] == ["7 of 1,000 detections could not be classified."]


def test_ambiguous_sources(copy):
    n = pq.read_table(copy / "sources.parquet").num_rows
    column(copy, "sources", "status", ["unique"] * n)
    assert "ambiguous" not in kinds(copy)
    column(copy, "sources", "status", ["ambiguous"] * 100 + ["unique"] * (n - 100))
    assert kinds(copy)["ambiguous"][0].startswith(f"{100 / n:.0%} of the sources (100)")


def test_the_paper_method_is_overconfident(files, tmp_path):
    settings = Settings(method="paper", clusters=2, label_column="label")
    run(files / "labelled.parquet", settings=settings).write(tmp_path)
    first = caveats_of(view_catalogue(tmp_path))[0]
    assert first.kind == "method"
    assert "overconfident" in first.text


def test_a_model_without_other_types_has_a_stated_share(files, tmp_path, copy):
    assert "none" not in kinds(copy)
    result = run(files / "labelled.parquet", label_column="label", vote_trained=True)
    result.write(tmp_path / "closed")
    tree = load_model_tree(tmp_path / "closed" / "model.asdf")
    assert tree.calibrated.scorers[-1].opened is None
    (text,) = kinds(tmp_path / "closed")["none"]
    assert text.endswith("is stated, not learned: 1%.")


def test_a_record_that_is_broken_gives_no_caveat_of_it(copy):
    before = set(kinds(copy))
    say(copy, warnings={"a": 1}, shift=[1], counts="many")
    assert set(kinds(copy)) <= before


def test_warnings_come_last_and_none_is_lost(copy):
    said = ["odd rows: 3", "labels that match nothing: 4"]
    say(copy, warnings=[*said, 7, SHIFT])
    found = caveats_of(view_catalogue(copy))
    kind = [c.kind for c in found]
    assert kind.index("warning") == len(kind) - kind.count("warning")
    texts = [c.text for c in found if c.kind == "warning"]
    assert texts[:2] == ["Odd rows: 3.", "Labels that match nothing: 4."]
