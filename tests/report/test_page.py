import re
from html.parser import HTMLParser

import numpy as np
import pytest

from xsift import plots
from xsift.report import evaluation_page
from xsift.report.evaluation_figures import evaluation_figures
from xsift.report.page import cell, page, table

HOSTILE = '<script>alert("x")</script>&$\\frac$'
VOID = {"meta", "br", "path", "use", "image", "link"}


class Balanced(HTMLParser):
    """Holds every tag to its end."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.seen, self.text = [], set(), ""

    def handle_starttag(self, tag, attrs):
        self.seen.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.add(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(html):
    parser = Balanced()
    parser.feed(html)
    parser.close()
    assert not parser.open
    return parser


def figure(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 20}


def measures():
    names = ("accuracy", "balanced_accuracy", "log_loss", "brier", "ece")
    return {name: figure(0.5) for name in names}


def level():
    bins = np.linspace(0.05, 0.95, 10).tolist()
    return measures() | {
        "balanced_accuracy_unscored_wrong": figure(0.4),
        "accuracy_unscored_wrong": figure(0.4),
        "n_detections": 1234,
        "n_units": 10,
        "n_unscored": 766,
        "names": [HOSTILE, "B"],
        "recall": [figure(0.5)] * 2,
        "precision": [figure(0.5)] * 2,
        "confusion": [[8, 2], [3, 7]],
        "reliability": {
            "n": [2] * 10,
            "confidence": bins,
            "accuracy": bins,
            "low": bins,
            "high": bins,
        },
    }


@pytest.fixture
def record():
    levels = {k: level() for k in ("groups", "classes")}
    good = {
        "detections": levels,
        "sources": levels,
        "strata": [{"stratum": HOSTILE, "part": "1", "n_detections": 5, **measures()}],
        "fusion": {"own": measures(), "mean": measures() | {"own_minus_this": measures()}},
    }
    drawn = {"mean": 0.5, "sd": 0.01, "n": 2, "values": [0.49, 0.51]}
    share = {
        "n_draws": 2,
        "n_failed": 1,
        "detections": {"groups": dict.fromkeys(measures(), drawn)},
        "sources": {},
    }
    ranked = {r: figure(0.7) for r in ("p_none", "doubt", "typicality")}
    none = {
        "all": ranked | {"n_detections": 50},
        "mean_of_types": dict.fromkeys(ranked, 0.7),
        "types": {HOSTILE: ranked | {"n_detections": 50, "n_sources": 25}},
    }
    both = {"detections": measures(), "sources": measures()}
    return {
        "input": HOSTILE,
        "input_sha256": "0" * 64,
        "survey": "csc20",
        "feature_set": "csc11",
        "created": "2026-01-01T00:00:00Z",
        "classes": {"A": "A", "B": "B"},
        "settings": {"label_column": HOSTILE},
        "evaluation": {"methods": [HOSTILE]},
        "environment": {"numpy": "2"},
        "warnings": [HOSTILE],
        "counts": dict.fromkeys(
            "labelled_detections labelled_sources detections sources sources_with_two_labels "
            "detections_of_other_types sources_of_other_types incomplete_detections".split(),
            1234,
        ),
        "protocol": {"folds": 5, "draws": 2, "sky_order": HOSTILE, "blocks_of_the_sky": 20,
                     "hidden_share": 0.3},
        "results": {
            "folds": {"good": good, "bad": {"failed": HOSTILE}},
            "sky": {"good": good, "bad": {"failed": HOSTILE}},
            "shares": {"good": {"0.1": share}, "bad": {"0.1": share}},
            "missing": {"good": {"both": good, "test": {"failed": HOSTILE}}, "bad": {}},
            "none": {"good": none, "bad": {"failed": HOSTILE}},
            "differences": {"good": {}, "second": {"good": both}},
        },
    }  # fmt: skip


def test_the_page_is_whole_and_loads_nothing(record):
    html = evaluation_page(record, evaluation_figures(record["results"]))
    page = parsed(html)
    assert not page.seen & {"script", "link", "iframe", "img", "object", "form"}
    loaded = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')\s>]*)", html)
    assert not [u for u in loaded if not u.startswith(("#", "data:image/png;base64,"))]
    assert "default-src 'none'" in html
    for said in ("Few labels", "None of these", "Missing values", "Limits", "1,234 of 2,000"):
        assert said in page.text
    assert html.count("<svg") == 3


def test_what_comes_from_outside_is_escaped(record):
    html = evaluation_page(record, evaluation_figures(record["results"]))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 10
    assert HOSTILE in parsed(html).text


def test_the_page_says_the_same_on_another_day(record):
    figures = [evaluation_figures(record["results"]) for _ in range(2)]
    assert evaluation_page(record, figures[0]) == evaluation_page(record, figures[1])


def test_a_part_that_was_not_done_is_not_there(record):
    for name in ("sky", "shares", "missing", "none"):
        del record["results"][name]
    text = parsed(evaluation_page(record, evaluation_figures(record["results"]))).text
    for title in ("Few labels", "None of these:", "Missing values", "blocks of the sky:"):
        assert title not in text


def test_cells():
    assert cell(1234) == "1,234"
    assert cell(float("nan")) == cell(None) == "\N{EN DASH}"
    assert cell(figure(0.5)) == "0.500<small>0.400 to 0.600</small>"
    assert cell({"value": 0.5, "low": float("nan"), "high": None}) == "0.500"
    assert cell("<b>") == "&lt;b&gt;"


def test_table_and_page_are_balanced():
    html = page("T<", [table("c<", ["a<", "b"], [["x", "1"], ["y", "2"]])])
    parsed(html)
    assert "T&lt;" in html
    assert '<th scope="row">y</th><td>2</td>' in html


def axes():
    from matplotlib.figure import Figure

    return Figure().subplots()


def test_reliability_draws_the_full_bins_on_the_diagonal():
    n = [0, 5, 5]
    ax = plots.reliability(
        axes(), n, [np.nan, 0.5, 0.9], [np.nan, 0.4, 0.95], [0, 0.3, 0.9], [0, 0.6, 1]
    )
    assert ax.lines[0].get_xydata().tolist() == [[0, 0], [1, 1]]
    assert ax.lines[1].get_xydata().tolist() == [[0.5, 0.4], [0.9, 0.95]]
    assert [bar.get_height() for bar in ax.patches] == [0, 0.5, 0.5]


def test_labels_draws_each_method_with_its_own_marker():
    shares, values = [0.1, 1.0], {"a": ([0.5, 0.6], [0.1, np.nan]), "b": ([0.4, 0.5], [0, 0])}
    ax = plots.against_labels(axes(), shares, values, "accuracy")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["a", "b"]
    markers = [c.lines[0].get_marker() for c in ax.containers]
    assert len(set(markers)) == 2
    assert ax.containers[0].lines[0].get_ydata().tolist() == [0.5, 0.6]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["10 %", "100 %"]
