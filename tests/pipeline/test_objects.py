"""The public interface of Python: tables in memory in, catalogues and models as objects out."""

import inspect
import pickle
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
import typer.main

import xsift
from xsift.catalogue.anomalies import anomalies
from xsift.catalogue.card import source_card
from xsift.cli.app import app
from xsift.errors import ModelError, SettingError, TableError, XsiftWarning
from xsift.settings import EvaluationSettings, Settings
from xsift.simulate import simulate
from xsift.write.libraries import astropy_table


@pytest.fixture(scope="module")
def survey():
    return simulate(200, seed=5)


@pytest.fixture(scope="module")
def catalogue(survey):
    return xsift.classify(survey.detections, "csc20")


@pytest.fixture(scope="module")
def folder(catalogue, tmp_path_factory):
    place = tmp_path_factory.mktemp("objects") / "catalogue"
    catalogue.write(place)
    return place


@pytest.mark.parametrize(
    "of",
    [
        astropy_table,
        lambda t: t.to_pandas(),
        lambda t: t.to_pandas().convert_dtypes(),
        lambda t: t.to_pandas(types_mapper=pd.ArrowDtype).set_index("name"),
        pl.from_arrow,
    ],
    ids=["astropy", "pandas", "nullable", "index", "polars"],
)
def test_every_kind_is_classified_to_the_bit_as_the_file_is(survey, tmp_path, of):
    pq.write_table(survey.detections, tmp_path / "t.parquet")
    expected = xsift.classify(tmp_path / "t.parquet", "csc20")
    found = xsift.classify(of(survey.detections), "csc20")
    assert found.detections.equals(expected.detections)
    assert found.sources.equals(expected.sources)
    assert found.record["input"].startswith("the ")
    assert found.inputs[1:] == expected.inputs[2:]  # no file was read but the model's


def test_train_on_tables_in_memory(survey, tmp_path):
    pq.write_table(survey.detections, tmp_path / "t.parquet")
    pq.write_table(survey.known, tmp_path / "k.parquet")
    by_file = xsift.run(tmp_path / "t.parquet", tmp_path / "k.parquet", method="paper", clusters=2)
    found = xsift.run(
        survey.detections.to_pandas(), astropy_table(survey.known), method="paper", clusters=2
    )
    assert found.sources.equals(by_file.sources)
    assert found.record["labels_file"] == "the astropy Table of labels"
    assert found.model.training.input == "the pandas DataFrame"
    found.write(tmp_path / "out")
    again = xsift.classify(survey.detections.to_pandas(), found.model)
    assert again.record["warnings"][0].startswith("in-sample: ")
    assert again.record["counts"]["trained"] == found.record["counts"]["trained"] > 100


def test_warnings_of_the_conversion_are_recorded(survey):
    frame = survey.detections.to_pandas()
    names = frame.pop("name")
    found = xsift.classify(frame.set_index(pd.Index(names).rename(None)), "csc20")
    said = "the pandas DataFrame: no column name: the index gives the names of the sources"
    assert said in found.record["warnings"]


def test_an_error_names_the_table(survey):
    table = survey.detections.drop_columns(["name"]).to_pandas()
    with pytest.raises(TableError, match=r"^the pandas DataFrame: missing column name\. Name the"):
        xsift.classify(table, "csc20")


def test_a_folder_opens_as_what_was_written(catalogue, folder):
    found = xsift.open_catalogue(folder)
    assert isinstance(found, xsift.Catalogue)
    assert "sources" not in vars(found)  # nothing is read before it is asked for
    assert found.model.model_id == catalogue.model.model_id
    assert "sources" not in vars(found)
    assert found.sources.equals(catalogue.sources)
    assert found.detections.equals(catalogue.detections)
    assert found.record["run_id"] == catalogue.record["run_id"]
    assert repr(found) == repr(catalogue)
    assert found._repr_html_() == catalogue._repr_html_()
    assert (found.survey.name, found.classes) == ("csc20", catalogue.classes)
    assert found.to_pandas("detections").equals(catalogue.to_pandas("detections"))


def test_cards_and_anomalies_of_all_three_are_the_same(catalogue, folder):
    opened = xsift.open_catalogue(folder)
    name = catalogue.sources["name"][3].as_py()
    expected = source_card(name, folder).as_dict()
    assert catalogue.card(name).as_dict() == opened.card(name).as_dict() == expected
    ranked = anomalies(folder, 7)
    assert catalogue.anomalies(7) == opened.anomalies(7) == xsift.anomalies(catalogue, 7) == ranked
    with pytest.raises(TableError, match=r"^the catalogue: no source nobody among"):
        catalogue.card("nobody")


def test_figures_by_name(catalogue):
    from matplotlib.figure import Figure

    figures = catalogue.figures
    assert {"sky_groups", "hardness_plane", "probabilities"} <= set(figures)
    assert "k_scan" not in figures
    assert isinstance(catalogue.figure("detections_per_source"), Figure)
    assert repr(figures).splitlines()[0] == f"{len(figures)} figures"
    assert "not drawn: k_scan" in repr(figures)
    assert "k_scan" in figures._repr_html_()
    with pytest.raises(SettingError, match=r"^figure 'hardnes_plane': did you mean hardness_plane"):
        catalogue.figure("hardnes_plane")
    with pytest.raises(SettingError, match=r"^figure 'x': there are class_fractions, sky_groups"):
        catalogue.figure("x")
    with pytest.raises(TableError, match=r"^no figure k_scan of this catalogue: no scan\.json in"):
        catalogue.figure("k_scan")


def test_a_catalogue_of_votes(catalogue, tmp_path):
    voted = xsift.vote_table(catalogue.to_pandas("detections"))
    voted.write(tmp_path / "votes")
    opened = xsift.open_catalogue(tmp_path / "votes")
    for found in (voted, opened):
        assert (found.detections, found.model) == (None, None)
        # Which labels say nothing is told to training alone.
        assert found.classes.classes == catalogue.classes.classes
        assert found.anomalies(2).are_sources
        assert found.card(found.sources["name"][0].as_py()).detections is None
        with pytest.raises(TableError, match=r"no source nobody among"):
            found.card("nobody")


def test_an_opened_catalogue_is_written_elsewhere(folder, tmp_path):
    opened = xsift.open_catalogue(folder)
    opened.write(tmp_path / "copy")
    assert xsift.open_catalogue(tmp_path / "copy").sources.equals(opened.sources)


def test_a_folder_without_its_record(folder, catalogue, tmp_path):
    catalogue.write(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    opened = xsift.open_catalogue(tmp_path)
    assert repr(opened).startswith(f"{catalogue.sources.num_rows:,} sources")
    with pytest.raises(TableError, match=r"no run\.json that can be read: nothing says what made"):
        opened.write(tmp_path / "copy")


def test_no_catalogue(tmp_path):
    with pytest.raises(TableError, match=r"no sources\.parquet here"):
        xsift.open_catalogue(tmp_path)


def test_a_model_is_an_object(catalogue, folder, tmp_path, survey):
    model = xsift.load_model("csc20")
    assert (model.survey, model.method) == ("csc20", "calibrated")
    assert "hard_hm" in model.features
    assert model.classes.codes[0] == "QSO"
    assert str(model) == repr(model)
    assert repr(model).startswith(f"Model {model.model_id}: calibrated method, survey csc20")
    assert "trained on" in model._repr_html_()
    model.save(tmp_path / "mine.asdf")
    for other in (folder, folder / "model.asdf", tmp_path / "mine.asdf", str(folder)):
        assert xsift.load_model(other).model_id == model.model_id
    found = model.classify(survey.detections, prior="uniform")
    assert found.sources.equals(xsift.classify(survey.detections, model, prior="uniform").sources)
    assert not found.sources.equals(catalogue.sources)
    assert model.classify(survey.detections).sources.equals(catalogue.sources)


def test_a_saved_model_stands_or_nothing_does(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(xsift.XsiftError, match="file"):
        xsift.load_model("csc20").save(tmp_path / "file" / "model.asdf")
    assert (tmp_path / "file").read_text() == "mine"


def test_no_model(tmp_path):
    with pytest.raises(ModelError, match=r"^model csc99: no such file; packaged models are 4xmm"):
        xsift.load_model("csc99")
    with pytest.raises(ModelError, match=r"model\.asdf: cannot be read"):
        xsift.load_model(tmp_path)


def test_a_model_for_another_survey(survey):
    with pytest.raises(ModelError, match=r"as given: trained for survey csc20, not csc21: give"):
        xsift.classify(survey.detections, xsift.load_model("csc20"), survey="csc21")


def test_a_pickled_model_says_the_same(survey, catalogue, tmp_path):
    """In another process, as a cluster's worker has it."""
    (tmp_path / "job").write_bytes(
        pickle.dumps((xsift.load_model("csc20"), survey.detections), protocol=5)
    )
    code = (
        "import pickle\n"
        "model, table = pickle.load(open('job', 'rb'))\n"
        "pickle.dump(model.classify(table), open('answer', 'wb'), protocol=5)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    answer = pickle.loads((tmp_path / "answer").read_bytes())
    assert answer.sources.equals(catalogue.sources)
    assert answer.detections.equals(catalogue.detections)


def test_a_catalogue_pickles_after_its_figures_were_asked_for(folder):
    opened = xsift.open_catalogue(folder)
    len(opened.figures)
    assert pickle.loads(pickle.dumps(opened)).sources.equals(opened.sources)


@pytest.mark.parametrize("command", ["run", "classify", "vote", "evaluate"])
def test_keywords_are_the_settings_of_the_command_line(command):
    function = getattr(xsift, {"vote": "vote_table"}.get(command, command))
    shown = inspect.signature(function).parameters.values()
    keywords = {p.name: p.default for p in shown if p.kind is p.KEYWORD_ONLY}
    defaults = {f.name: getattr(kind(), f.name) for kind in KINDS for f in fields(kind)}
    assert keywords == {name: defaults[name] for name in keywords}
    options = {p.name for p in typer.main.get_command(app).commands[command].params}
    assert options & set(defaults) <= set(keywords)
    if command == "run":
        assert list(keywords) == [f.name for f in fields(Settings)]
    documented = inspect.getdoc(function)
    for name in [p.name for p in shown if p.kind is not p.KEYWORD_ONLY]:
        assert f"\n{name} :" in documented or f"\n{name}, " in documented, name


KINDS = (Settings, EvaluationSettings)


def test_signatures_read_well():
    for function in (xsift.run, xsift.classify, xsift.vote_table, xsift.evaluate, xsift.compare):
        shown = str(inspect.signature(function))
        assert "<" not in shown, shown
        assert "Class(" not in shown, shown


def test_a_setting_is_given_once(survey):
    with pytest.raises(
        SettingError, match=r"^seed is given twice: 4, and 3 in Settings: leave one"
    ):
        xsift.run(survey.detections, survey.known, xsift.Settings(seed=3), seed=4)
    with pytest.raises(TypeError, match="sead"):
        xsift.run(survey.detections, survey.known, sead=4)
    with pytest.raises(TypeError, match="clusters"):
        xsift.classify(survey.detections, clusters=4)
    with pytest.raises(SettingError, match=r"^seed -1: allowed is 0 to"):
        xsift.run(survey.detections, survey.known, seed=-1)
    with pytest.raises(SettingError, match=r"^methods x: allowed are paper"):
        xsift.evaluate(survey.detections, "unmade", survey.known, methods="x")


def test_keywords_stand_beside_settings(survey):
    whole = xsift.Settings(method="paper", clusters=2)
    found = xsift.run(survey.detections, survey.known, whole, seed=4)
    said = found.record["settings"]
    assert (said["method"], said["clusters"], said["seed"]) == ("paper", 2, 4)


def test_evaluate_in_memory(survey, tmp_path):
    found = xsift.evaluate(
        survey.detections.to_pandas(),
        tmp_path,
        survey.known.to_pandas(),
        methods=["paper"],
        experiments="folds",
        folds=2,
        clusters=2,
    )
    assert found["input"] == "the pandas DataFrame"
    assert found["evaluation"]["methods"] == ("paper",)
    measures = found.to_pandas()
    assert {"accuracy", "log_loss", "ece"} <= set(measures["measure"])
    assert np.isfinite(measures["value"]).any()


def test_names():
    assert dir(xsift) == sorted(xsift.__all__, key=lambda name: dir(xsift).index(name))
    for name in xsift.__all__:
        assert getattr(xsift, name) is not None
    assert xsift.errors.XsiftError is xsift.XsiftError
    with pytest.raises(AttributeError, match="module 'xsift' has no attribute 'rum'"):
        xsift.rum  # noqa: B018


def test_import_loads_nothing_heavy(run_python):
    heavy = {"sklearn", "astropy", "numba", "scipy", "asdf", "matplotlib", "pyarrow", "numpy"}
    code = "import sys, xsift; dir(xsift); print(*{m.split('.')[0] for m in sys.modules})"
    assert not (heavy | {"pandas", "polars"}) & set(run_python(code).split())


def test_errors_that_pickle():
    error = xsift.errors.MissingColumnsError("t", ["a"], ["b"], "Name it with --label-column")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.missing) == (str(error), ["a"])
    assert type(again) is type(error)


def test_a_warning_speaks_of_arguments():
    with pytest.warns(XsiftWarning, match=r"^features csc12 is called all now$"):
        xsift.Settings(features="csc12")
