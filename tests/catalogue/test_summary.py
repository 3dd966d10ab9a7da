"""What results say of themselves, at the prompt and in a notebook."""

import json
import warnings

import pyarrow as pa
import pytest

from xsift import Catalogue, run
from xsift.catalogue.anomalies import anomalies
from xsift.catalogue.card import source_card
from xsift.catalogue.summary import Summary, SummaryTable, number
from xsift.mixture.choose_k import Restart
from xsift.pipeline.evaluate import Evaluation
from xsift.pipeline.scan import Scan
from xsift.simulate import simulate
from xsift.write import write_table

HOSTILE = "<script>alert('x')</script>"
ESCAPED = "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"


def test_everything_that_comes_from_outside_is_escaped():
    table = SummaryTable(HOSTILE, [HOSTILE], [[HOSTILE, HOSTILE], [1234, 0.5]])
    html = Summary(HOSTILE, [HOSTILE], [table]).html()
    assert "<script" not in html
    assert html.count(ESCAPED) == 6
    assert "1,234" in html


def test_numbers():
    assert number(1234) == "1,234"
    assert number(0.12345) == "0.123"
    assert number(0.12345, 2) == "0.12"
    assert number(float("nan")) == number(float("inf")) == number(None) == "\N{EN DASH}"
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    assert number(figure) == "0.500<small>0.400 to 0.600</small>"
    assert number({"value": 0.5, "low": float("nan"), "high": None}) == "0.500"
    assert number({"value": "<b>"}) == "&lt;b&gt;"
    assert number("<b>") == "&lt;b&gt;"
    assert number(["<b>"]) == "[&#39;&lt;b&gt;&#39;]"


def test_long_tables_are_cut_and_say_so():
    html = Summary("t", (), [SummaryTable("rows", ["n"], [[str(i)] for i in range(50)])]).html()
    assert html.count("<tr>") == 1 + 20
    assert "(the first 20; 30 more)" in html


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("catalogue")
    survey = simulate(1000, seed=42)
    names = survey.detections["name"].to_pylist()
    first = names[0]
    names = [HOSTILE if n == first else n for n in names]
    table = survey.detections.set_column(
        survey.detections.schema.get_field_index("name"), "name", pa.array(names)
    )
    write_table(table, folder / f"{HOSTILE.replace('/', '')}.parquet", "parquet", {})
    write_table(survey.known, folder / "known.csv", "csv", {})
    return folder


@pytest.fixture(scope="module")
def catalogue(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run(next(folder.glob("*.parquet")), folder / "known.csv")
    result.write(folder / "out")
    return result


def test_catalogue(catalogue):
    assert isinstance(catalogue, Catalogue)
    text, html = repr(catalogue), catalogue._repr_html_()
    n = catalogue.record["counts"]
    assert text.startswith(f"{n['sources']:,} sources of {n['voting']:,} detections of ")
    assert f"{n['unique']:,} unique" in text
    assert len(text) < 3000  # not the tables themselves
    assert "<script" not in html
    assert "Sources by class" in html
    counted = [c for c in catalogue.sources["class"].to_pylist() if c == "QSO"]
    row = html.split("AGN QSO</th>")[1].split("</tr>")[0]
    unique, ambiguous = (int(c.split("<")[0].replace(",", "")) for c in row.split("<td>")[1:])
    assert unique + ambiguous == len(counted)


def test_card(catalogue, folder):
    card = source_card(HOSTILE, folder / "out")
    assert HOSTILE in repr(card)
    html = card._repr_html_()
    assert ESCAPED in html
    assert "<script" not in html


def test_card_holds_every_class_and_none(catalogue, folder):
    sources = catalogue.sources
    card = source_card(sources["name"][0].as_py(), folder / "out")
    html = card._repr_html_()
    p = sources["p_qso"][0].as_py()
    assert f'<th scope="row">quasar</th><td>{p:.3f}</td>' in html
    assert "none of these" in html
    assert repr(card).splitlines()[1].strip().startswith(sources["class"][0].as_py())


def test_anomalies(catalogue, folder):
    found = anomalies(folder / "out", 5)
    assert [a.rank for a in found] == [1, 2, 3, 4, 5]
    assert repr(found).startswith("5 detections, the least typical first\n  1  ")
    assert found._repr_html_().count("<tr>") == 6


def test_evaluation_is_a_dict_and_a_table():
    figure = {"value": 0.5, "low": 0.4, "high": 0.6}
    groups = dict.fromkeys(("balanced_accuracy", "accuracy", "log_loss", "ece"), figure)
    record = {
        "counts": {"labelled_detections": 10, "labelled_sources": 5},
        "warnings": [f"no column {HOSTILE}"],
        "results": {
            "folds": {
                HOSTILE: {"detections": {"groups": groups}},
                "svc": {"failed": "too few sources"},
            }
        },
    }
    found = Evaluation(record)
    assert json.loads(json.dumps(found)) == record
    assert "svc failed: too few sources" in repr(found)
    assert "Warning: no column " in repr(found)
    html = found._repr_html_()
    assert "0.400 to 0.600" in html
    assert "<script" not in html


def test_scan():
    fits = tuple(
        Restart(k, r, 100.0 * k + r, 0.0, 0.0, 0.1, 0.9, 5, True, False, "")
        for k in (1, 2)
        for r in (0, 1)
    )
    found = Scan(fits, HOSTILE, 1000, True, 0)
    assert repr(found) == f"4 fits to 1,000 detections, on the CPU\n  {HOSTILE}"
    assert "200.500" in found._repr_html_()
    assert "<script" not in found._repr_html_()
