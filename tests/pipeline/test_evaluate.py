"""xsift evaluate, end to end."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xsift import surveys
from xsift.classes import PAPER_CLASSES
from xsift.errors import LabelError, MissingColumnsError, SettingError
from xsift.evaluate import flow
from xsift.evaluate.cohort import cohort_of
from xsift.evaluate.experiments import run_task
from xsift.model.sample import read_sample
from xsift.pipeline.evaluate import PARTS, Evaluation, evaluate
from xsift.settings import EvaluationSettings, Settings

SETTINGS = Settings(label_column="label", features="all")
QUICK = EvaluationSettings(methods=("svc",), folds=2)


@pytest.fixture
def labelled(tmp_path, small_table):
    path = tmp_path / "labelled.parquet"
    pq.write_table(small_table, path)
    return path


def cohort_at(path, **changes):
    survey = surveys.load("csc20")
    settings = replace(SETTINGS, **changes)
    sample = read_sample(path, survey, survey.feature_set("all"), settings, PAPER_CLASSES)
    return cohort_of(sample, PAPER_CLASSES, 5, str(path))


def test_the_command_writes_figures_and_a_report(xsift, labelled, tmp_path):
    done = xsift(
        "evaluate", labelled, "--label-column", "label", "--features", "all", "--folds", 2,
        "--experiments", "folds",
        "--methods", "paper,svc", "--out", tmp_path / "out", "--json",
    )  # fmt: skip
    assert done.status == 0, done
    record = json.loads(done.out)
    assert record == json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    assert record["counts"]["labelled_detections"] < record["counts"]["detections"] == 600
    groups = record["results"]["folds"]["svc"]["detections"]["groups"]
    assert groups["n_detections"] == record["counts"]["labelled_detections"]
    # Four Gaussians far apart: anything that works is nearly always right.
    assert groups["balanced_accuracy"]["value"] > 0.9
    assert groups["balanced_accuracy"]["low"] <= groups["balanced_accuracy"]["value"]
    html = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert html.startswith("<!DOCTYPE html>")
    assert "labelled.parquet" in html


def test_a_stopped_validation_goes_on(labelled, tmp_path, monkeypatch):
    done = []

    def stopping(*arguments):
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append(arguments[3])
        return run_task(*arguments)

    monkeypatch.setattr(flow, "run_task", stopping)
    with pytest.raises(KeyboardInterrupt):
        evaluate(labelled, tmp_path / "a", settings=SETTINGS, evaluation=QUICK)
    assert not (tmp_path / "a" / "evaluation.json").exists()
    first = list(done)
    done[:] = [None] * 2  # past the stop

    def counting(*arguments):
        done.append(arguments[3])
        return run_task(*arguments)

    monkeypatch.setattr(flow, "run_task", counting)
    evaluate(labelled, tmp_path / "a", settings=SETTINGS, evaluation=QUICK)
    again = [t for t in done if t is not None]
    assert len(again) == 4 - 1
    assert not set(again) & set(first)
    monkeypatch.setattr(flow, "run_task", run_task)
    evaluate(labelled, tmp_path / "b", settings=SETTINGS, evaluation=QUICK)
    resumed, whole = (
        json.loads((tmp_path / out / "evaluation.json").read_text("utf-8")) for out in "ab"
    )
    for method in QUICK.methods:
        for experiment in ("folds", "sky"):
            a, b = (r["results"][experiment][method]["detections"] for r in (resumed, whole))
            assert a == b


def without_times(record):
    """A record without what no two runs have in common."""
    if isinstance(record, dict):
        gone = ("created", "seconds_to_fit", "microseconds_per_detection")
        return {k: without_times(v) for k, v in record.items() if k not in gone}
    return record


@pytest.mark.parametrize(
    "methods",
    [("paper", "forest", "boosting", "svc"), pytest.param(("calibrated",), marks=pytest.mark.slow)],
)
def test_two_processes_give_the_same_figures(labelled, tmp_path, methods, scheduler_of_two):
    some = EvaluationSettings(methods=methods, experiments=("folds",), folds=2)
    n, told = 2 * len(methods), []
    evaluate(labelled, tmp_path / "one", settings=SETTINGS, evaluation=some)
    evaluate(
        labelled, tmp_path / "two", settings=SETTINGS, evaluation=some,
        advance=lambda *said: told.append(said), workers=scheduler_of_two,
    )  # fmt: skip
    one, two = (
        json.loads((tmp_path / out / "evaluation.json").read_text("utf-8"))
        for out in ("one", "two")
    )
    assert without_times(two) == without_times(one)
    assert told == [(k, n) for k in range(n + 1)]
    # Each answer is the same to the bit, and a further run with any number goes on from there.
    for path in (tmp_path / "one" / PARTS).glob("*/*.npz"):
        (other,) = (tmp_path / "two" / PARTS).glob(f"*/{path.name}")
        with np.load(path) as a, np.load(other) as b:
            for name in set(a.files) - {"seconds"}:
                np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    evaluate(
        labelled, tmp_path / "two", settings=SETTINGS, evaluation=some,
        advance=lambda *said: told.append(said),
    )  # fmt: skip
    assert told[-1] == (n, n)
    assert len(told) == n + 2


def test_workers_and_dask_exclude_each_other(xsift, labelled, tmp_path):
    for command in (
        ("evaluate", labelled, "--label-column", "label"), ("scan", labelled),
    ):  # fmt: skip
        both = ("--workers", 2, "--dask", "tcp://127.0.0.1:8786")
        done = xsift(*command, "--out", tmp_path / "out", *both)
        assert (done.status, "exclude each other" in done.err) == (2, True)
        done = xsift(*command, "--out", tmp_path / "out", "--workers", 0)
        assert (done.status, "allowed are 1 to 1,024 processes" in done.err) == (2, True)


def test_other_data_start_afresh(labelled, tmp_path, small_table):
    one = EvaluationSettings(methods=("svc",), experiments=("folds",), folds=2)
    evaluate(labelled, tmp_path / "out", settings=SETTINGS, evaluation=one)
    (before,) = (tmp_path / "out" / PARTS).iterdir()
    pq.write_table(small_table.slice(0, 500), labelled)
    evaluate(labelled, tmp_path / "out", settings=SETTINGS, evaluation=one)
    (after,) = (tmp_path / "out" / PARTS).iterdir()
    assert before != after


def test_the_order_of_the_file_changes_nothing(labelled, tmp_path, small_table):
    order = np.random.default_rng(0).permutation(small_table.num_rows)
    shuffled = tmp_path / "shuffled.parquet"
    pq.write_table(small_table.take(pa.array(order)), shuffled)
    a, b = cohort_at(labelled), cohort_at(shuffled)
    np.testing.assert_array_equal(a.X, b.X)
    np.testing.assert_array_equal(a.y, b.y)
    np.testing.assert_array_equal(a.unit, b.unit)


def test_shared_detections_join_their_sources(tmp_path, small_table):
    group = np.arange(600)
    group[2] = group[4] = 7000  # of the second and the third source
    path = tmp_path / "shared.parquet"
    pq.write_table(small_table.append_column("detection_group", pa.array(group)), path)
    unit = cohort_at(path).unit
    assert unit[2] == unit[3] == unit[4] == unit[5]
    assert len(np.unique(unit)) == 299


def test_types_say_which_are_other(tmp_path, small_table):
    label = small_table["label"].to_pylist()
    types = ["SNRemnant" if x is None else "QSO" for x in label]
    types[label.index(None)] = "X"
    path = tmp_path / "typed.parquet"
    table = small_table.append_column("kind", pa.array(types))
    pq.write_table(table, path)
    given = cohort_at(path, type_column="kind")
    assert given.numbers()["detections_of_other_types"] == label.count(None) - 1
    assert (given.y[given.is_other] == -1).all()
    assert cohort_at(path).numbers()["detections_of_other_types"] == 0


def test_labels_from_a_file(xsift, files, tmp_path):
    done = xsift(
        "evaluate", files / "table.parquet", "--labels", files / "known.parquet", "--folds", 2,
        "--methods", "svc", "--experiments", "folds", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.status == 0, done
    assert "report.html" in done.out.replace("\n", "")
    assert "svc" in done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "no known objects: give --labels FILE or --label-column COL"),
        (
            ("--methods", "magic"),
            "--methods magic: allowed are paper, calibrated, forest, boosting, svc",
        ),
        (("--experiments", "tides"), "allowed are folds, sky, shares, missing, none, open, faint"),
        (("--methods", "svc, svc"), "--methods svc,svc: allowed are"),
        (("--folds", "1"), "--folds 1: allowed is 2 to 20"),
        (("--draws", "0"), "--draws 0: allowed is 1 to 1000"),
    ],
)
def test_a_wrong_command_line_is_one_line(xsift, labelled, tmp_path, arguments, said):
    done = xsift("evaluate", labelled, "--out", tmp_path / "out", *arguments)
    assert done.status == 2
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_tables_that_cannot_serve(labelled, tmp_path, small_table):
    with pytest.raises(MissingColumnsError, match="missing column kind"):
        cohort_at(labelled, type_column="kind")
    few = tmp_path / "few.parquet"
    label = pa.array(["QSO"] * 300 + [None] * 300)
    pq.write_table(small_table.drop_columns(["label"]).append_column("label", label), few)
    with pytest.raises(LabelError, match="150 independent sources of 1 classes have a label: two"):
        cohort_at(few)
    with pytest.raises(SettingError, match="no known objects"):
        cohort_at(labelled, label_column=None)


@pytest.mark.real
@pytest.mark.slow
def test_the_figures_of_the_real_table(real, tmp_path):
    """The published method and a random forest, as others have measured them on the same table."""
    record = evaluate(
        real("csc21_labelled_train.parquet"),
        tmp_path,
        settings=Settings(
            label_column="label10", source_column="source_group", features="without-newq"
        ),
        evaluation=EvaluationSettings(methods=("paper", "forest"), experiments=("folds",)),
    )
    assert record["counts"]["labelled_detections"] == 6803
    assert record["counts"]["labelled_sources"] == 3285
    assert record["counts"]["sources_with_two_labels"] == 16
    found = {m: f["detections"] for m, f in record["results"]["folds"].items()}
    paper, forest = found["paper"]["groups"], found["forest"]["groups"]
    assert paper["balanced_accuracy"]["value"] == pytest.approx(0.60, abs=0.02)
    assert found["paper"]["merged"]["balanced_accuracy"]["value"] == pytest.approx(0.72, abs=0.02)
    assert paper["accuracy"]["value"] == pytest.approx(0.67, abs=0.02)
    assert paper["log_loss"]["value"] == pytest.approx(1.7, abs=0.15)
    assert paper["ece"]["value"] == pytest.approx(0.20, abs=0.03)
    assert forest["balanced_accuracy"]["value"] == pytest.approx(0.67, abs=0.02)
    assert forest["accuracy"]["value"] == pytest.approx(0.770, abs=0.015)
    assert forest["log_loss"]["value"] == pytest.approx(0.60, abs=0.03)
    assert forest["ece"]["value"] < 0.025


def test_what_the_reader_warns_of_is_in_the_record(xsift, tmp_path, small_table):
    path = tmp_path / "gaps.parquet"
    pq.write_table(small_table.drop_columns(["bb_kt"]), path)
    known = pa.table(
        {
            "name": [*small_table["name"].to_pylist()[::2], *(f"x{i}" for i in range(400))],
            "label": [*small_table["label"].to_pylist()[::2], *["QSO"] * 400],
        }
    )
    pq.write_table(known, tmp_path / "known.parquet")
    done = xsift(
        "evaluate", path, "--labels", tmp_path / "known.parquet", "--features", "all",
        "--folds", 2, "--experiments", "folds", "--methods", "svc", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.status == 0, done
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    missing, matched = record["warnings"]
    assert missing.endswith("gaps.parquet: no column bb_kt: counted as missing in every row")
    assert " known objects match a detection by name" in matched
    shown = " ".join(done.out.split())
    assert f"Warning: {missing} Warning: {matched}" in shown
    assert "Warning" not in done.err
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "no column bb_kt: counted as missing in every row" in page
    again = evaluate(path, tmp_path / "out", tmp_path / "known.parquet",
        Settings(features="all"), replace(QUICK, experiments=("folds",)))  # fmt: skip
    assert again["warnings"] == record["warnings"]  # also where the fits are taken over
    assert f"Warning: {missing}" in again.summary().lines


@pytest.fixture
def typed(tmp_path, small_table):
    """A quarter of the sources without a label are stars, a quarter supernova remnants."""
    label = small_table["label"].to_pylist()
    kind = [
        (None, "Star", "SNR", None)[i // 2 % 4] if label[i] is None else None for i in range(600)
    ]
    path = tmp_path / "typed.parquet"
    pq.write_table(small_table.append_column("otype", pa.array(kind)), path)
    return path, label, kind


def test_the_open_world_and_faint_detections(xsift, typed, tmp_path):
    path, label, kind = typed
    done = xsift(
        "evaluate", path, "--label-column", "label", "--features", "all", "--folds", 2,
        "--experiments", "open,faint", "--methods", "forest,svc", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.status == 0, done
    shown = " ".join(done.out.split())
    assert "Open world, all else as one more group" in shown
    assert "Observed with fewer counts" in shown
    record = json.loads((tmp_path / "out" / "evaluation.json").read_text("utf-8"))
    counted = record["counts"]
    assert counted["detections_of_classes_apart"] == kind.count("Star")
    assert counted["detections_of_other_types"] == kind.count("SNR")
    assert counted["labelled_detections"] == 600 - label.count(None)
    found = record["results"]
    groups = found["open"]["forest"]["detections"]["groups"]
    assert groups["n_detections"] == 600 - label.count(None) + 600 - kind.count(None)
    assert groups["names"][-1] == "all else"
    assert "left_out" in found["open"]["svc"]
    faint = found["faint"]["svc"]
    assert list(faint) == ["8", "15", "30", "60", "120", "500", "100000"]
    assert faint["8"]["n_detections"] == counted["labelled_detections"]
    assert faint["8"]["log_loss"]["value"] > faint["100000"]["log_loss"]["value"]
    page = (tmp_path / "out" / "report.html").read_text("utf-8")
    assert "The open world" in page
    assert "svc is left out: it gives types beside the classes no probability" in page
    table = Evaluation(record).to_arrow().to_pylist()
    rows = {(r["experiment"], r["method"], r["of"], r["measure"]): r["value"] for r in table}
    assert rows["faint", "svc", "8", "ece"] == faint["8"]["ece"]["value"]
    assert rows["open", "forest", "", "auc"] == found["open"]["forest"]["auc"]["value"]
    kept = groups["promise"]["all else"]["0 to 10 %"]["right"]
    _, opened, fainter = Evaluation(record).summary().tables
    assert [row[0] for row in opened.rows] == ["forest"]
    assert opened.rows[0][-1] == found["open"]["forest"]["auc"]
    assert fainter.headings[1:] == list(faint)
    assert fainter.rows[1] == ["svc", *(f["log_loss"] for f in faint.values())]
    of = "detections.groups.promise.all else.0 to 10 %"
    assert rows["open", "forest", of, "right"] == kept["value"]


def test_types_that_no_row_has_leave_out_what_needs_them(labelled, tmp_path):
    asked = replace(QUICK, experiments=("folds", "none", "open"))
    record = evaluate(labelled, tmp_path / "out", settings=SETTINGS, evaluation=asked)
    assert not {"none", "open"} & set(record["results"])
    assert any(
        "experiments none,open: left out, as no detection is known to be of a type beside the "
        "classes" in note
        for note in record["warnings"]
    )


def test_faint_needs_a_survey_that_says_what_fewer_counts_do(xsift, labelled, tmp_path):
    done = xsift(
        "evaluate", labelled, "--label-column", "label", "--survey", "4xmm", "--out",
        tmp_path / "out", "--experiments", "faint",
    )  # fmt: skip
    assert done.status == 2
    assert "--experiments faint: profile 4xmm does not say what fewer counts do to" in done.err
    assert "name the other experiments" in done.err
    assert len(done.err.splitlines()) == 1
