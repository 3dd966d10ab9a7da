import re
from html.parser import HTMLParser

import numpy as np
import pytest

from xsift import plots
from xsift.report import evaluation_page
from xsift.report.evaluation_figures import evaluation_figures

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


@pytest.fixture
def record(validation_of):
    return validation_of(HOSTILE)


def test_the_page_is_whole_and_loads_nothing(record):
    html = evaluation_page(record, evaluation_figures(record["results"]))
    page = parsed(html)
    assert not page.seen & {"script", "link", "iframe", "img", "object", "form"}
    loaded = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')\s>]*)", html)
    assert not [u for u in loaded if not u.startswith(("#", "data:image/png;base64,"))]
    assert "default-src 'none'" in html
    for said in (
        "Few labels",
        "None of these",
        "Missing values",
        "The open world",
        "Faint detections",
        "Limits",
        "1,234 of 2,000",
    ):
        assert said in page.text
    assert html.count("<svg") == 5


def test_what_comes_from_outside_is_escaped(record):
    html = evaluation_page(record, evaluation_figures(record["results"]))
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 10
    assert HOSTILE in parsed(html).text


def test_the_page_says_the_same_on_another_day(record):
    figures = [evaluation_figures(record["results"]) for _ in range(2)]
    assert evaluation_page(record, figures[0]) == evaluation_page(record, figures[1])


def test_a_part_that_was_not_done_is_not_there(record):
    for name in ("sky", "shares", "missing", "none", "open", "faint"):
        del record["results"][name]
    text = parsed(evaluation_page(record, evaluation_figures(record["results"]))).text
    for title in (
        "Few labels",
        "None of these:",
        "Missing values",
        "blocks of the sky:",
        "The open world",
        "Faint detections",
    ):
        assert title not in text


def test_a_flag_is_shown_as_true_or_false(record):
    record["settings"] = {"vote_trained": False, "clusters": 1234}
    text = parsed(evaluation_page(record, evaluation_figures(record["results"]))).text
    assert re.search(r"vote trained\s*False\b", text)
    assert re.search(r"clusters\s*1,234\b", text)


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


def test_reliability_of_a_group_names_it():
    ax = plots.reliability(axes(), [2, 2], [0.2, 0.8], [0.1, 0.9], [0, 0.8], [0.2, 1], "all $else")
    assert ax.get_title() == r"all \$else"
    assert ax.get_xlabel() == "probability"


def test_counts_are_drawn_at_equal_steps_one_line_a_method():
    values = {
        "a": ([1.2, 0.6], [1.1, 0.5], [1.3, 0.7]),
        "b": ([np.nan, 0.7], [np.nan, 0.6], [np.nan, 0.8]),
    }
    ax = plots.against_counts(axes(), [8, 100_000], values, "log-loss")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["8", "100,000"]
    assert len(ax.containers) == 2
    assert ax.containers[0].lines[0].get_ydata().tolist() == [1.2, 0.6]
    assert ax.get_ylim()[0] == 0
    assert ax.get_ylabel() == "log-loss"
