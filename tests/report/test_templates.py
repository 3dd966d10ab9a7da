"""Templates: every text is escaped, nothing is left out silently, nothing is passed as safe."""

import copy
import re
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest

import xsift
from xsift.report import catalogue_page, comparison_page, evaluation_page
from xsift.report.page import TEMPLATES, environment, render

SRC = Path(xsift.__file__).parent
SERVED = SRC / "serve" / "templates"
FILES = sorted(SRC.rglob("*.jinja"))
PLAIN = "NAME"
# Unescaped, each of them changes the tags, an attribute or the text that a reader gets.
HOSTILE = """NAME</td></title><script>alert("x")</script>'&lt;"x{{ 7*7 }}{% if %}{#"""
SVG = "<svg><path/></svg>"


class Read(HTMLParser):
    """The tags with their attributes, and the text, as a browser reads them."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, attrs))

    def handle_endtag(self, tag):
        self.tags.append((tag, None))

    def handle_data(self, data):
        self.text += data


class Drawn(dict):
    """A figure under every name."""

    def __missing__(self, name):
        return SVG


def card(name):
    detection = dict.fromkeys(("observation", "class", "role", "flag"), name)
    return {
        "name": name,
        "verdict": name,
        "position": [1.5, -2.5],
        "typicality": 0.5,
        "labels": [name],
        "odd": [{"label": name, "unit": name, "value": 0.5, "quantile": 0.25}],
        "classes": [{"code": name, "title": name, "p": 0.5, "sd": None}],
        "features": [{"label": name, "unit": name, "value": None, "median": 3e-14}],
        "detections": [detection | {"typicality": 0.5, "effective_counts": None}],
        "more": name,
        "n_detections": 1234,
    }


def catalogue(name):
    row = {
        "key": name,
        "version": "class",
        "statement": name,
        "refuted_by": name,
        "measured": name,
        **{"a": name, "n_a": 1234, "value_a": 0.25, "b": name, "n_b": 5, "value_b": None},
        **{"effect": 0.5, "low": 0.4, "high": 0.6, "verdict": name, "why": name},
        "circular": True,
    }
    figures = [
        {"stem": stem, "title": name, "caption": name, "files": [name, name], "size": [7.2, 3.0]}
        for stem in ("probabilities", "hypotheses")
    ]
    return {
        "title": name,
        **dict.fromkeys(("author", "input", "how_expected"), name),
        "created": "2026-01-01T00:00:00Z",
        "group_counts": [
            {"group": name, "classified": 1234, "expected": 5.0, "sd": 1.0, "low": 3, "high": 7}
        ],
        "highlights": {
            "rare": [{"name": name, "title": name, "p": 0.9, "expected": 2.5}],
            "atypical": [{"name": name, "class": name, "title": name, "typicality": 1e-9}],
            "mislabelled": [
                {"name": name, "class": name, "label": name, "p_label": None, "p_class": 0.5}
            ],
        },
        "no_highlights": {},
        "caveats": [["shift", name]],
        "features": {"hard_hs": {"label": name, "unit": name}},
        "cards": [card(name), card("of another")],
        "in_sample": name,
        "status": [[name, 1234], ["sources", name]],
        "notes": [name],
        "figures": figures,
        "not_drawn": [{"stem": "gamma_kt", "title": name, "why": name}],
        "class_counts": [{"group": name, "class": name, "unique": 1234}],
        "class_medians": [
            {"level": name, "name": name, "sources": 5, "hard_hs": None, "variable": 0.5}
        ],
        "rule": name,
        "why_not": {"label": name},
        "beyond": {name: 5},
        "hypotheses": [row, row | {"circular": False, "effect": None, "low": None}],
    }


def compared(name):
    figure = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 1234}
    found = {
        "n": 1234,
        **dict.fromkeys(("accuracy", "balanced_accuracy", "kappa"), figure),
        **{"rows": [name, "none"], "columns": [name], "recall": {name: figure}, "precision": {}},
        "by_confidence": [
            {"from": 0, "to": 0.5, "agreement": figure, "mean_probability": 0.25},
        ],
    }
    counts = (
        "sources other_rows matched other_rows_matched matched_without_a_class ignored compared"
    )
    mapping = {"name": name, "title": name, "note": name, "is_tested": False}
    return {
        "catalogue": name,
        "other": name,
        "matched_how": name,
        "verdict": name,
        "counts": dict.fromkeys(counts.split(), 1234),
        "mapping": mapping | {"merge": {name: [name, "B"], "C": ["D"]}, "classes": {name: name}},
        "warnings": [name],
        "all": found,
        "comparable": found | {"n": 0},
        "in_sample": dict.fromkeys((*counts.split(), "without_a_vote"), 1234)
        | {"all": found, "comparable": found | {"n": 0}},
        "by_class": {name: {name: 1234, "other": 1}},
        **dict.fromkeys(("catalogue_sha256", "other_sha256", "created"), name),
        "settings": {name: name},
        "environment": {f"{name} 2": (name, None)},
    }


def differing(name):
    words = (
        "name class group other_class other_group n_detections p_group separation in_sample".split()
    )
    return [dict.fromkeys(words, name), dict.fromkeys(words)]


def api(name):
    parameters = [
        {"name": name, "in": name, "required": True, "description": name},
        {"name": "n", "in": "query", "schema": {"enum": [name], "description": name}},
    ]
    said = {"description": f"{name}\n\n{name}", "parameters": parameters}
    return {"info": {"version": name}, "paths": {f"/{name}": {"get": said, "post": {}}}}


@pytest.fixture
def pages(validation_of):
    """For each template of a whole page: what renders it with one name for every text."""

    def validation(name):
        return evaluation_page(validation_of(name), Drawn())

    def reference(name):
        return pytest.importorskip("xsift.serve.reference").reference(api(name)).body.decode()

    return {
        "catalogue.html.jinja": lambda name: catalogue_page(catalogue(name), Drawn()),
        "comparison.html.jinja": lambda name: comparison_page(
            compared(name), differing(name), Drawn()
        ),
        "evaluation.html.jinja": validation,
        "reference.html.jinja": reference,
    }


def whole_pages():
    return [path for path in FILES if "{% extends" in path.read_text("utf-8")]


def test_the_whole_pages_are_known(pages):
    assert {path.name for path in whole_pages()} == set(pages)


@pytest.mark.parametrize("template", [path.name for path in whole_pages()])
def test_a_name_changes_the_text_and_nothing_else(pages, template):
    plain, hostile = Read(pages[template](PLAIN)), Read(pages[template](HOSTILE))

    def renamed(tag, attrs):
        return tag, attrs and [(key, value.replace(PLAIN, HOSTILE)) for key, value in attrs]

    assert plain.text.count(PLAIN) >= 9
    assert hostile.tags == [renamed(*tag) for tag in plain.tags]
    text = hostile.text.replace("\\'", "'")  # a list is shown as Python writes it
    assert text == plain.text.replace(PLAIN, HOSTILE)


def test_an_unescaped_name_is_found():
    def read(template, name):
        return Read(environment().from_string(template).render(name=name))

    for template in ("<td>{{ name | safe }}</td>", '<a href="{{ name | safe }}">x</a>'):
        plain, hostile = read(template, PLAIN), read(template, HOSTILE)
        assert hostile.tags != plain.tags
    ampersand = read("{{ name | safe }}", "&lt;")
    assert ampersand.text == "<"


@pytest.mark.parametrize("folder", [TEMPLATES, SERVED])
def test_every_template_is_escaped_whatever_its_name(folder):
    found = environment(folder)
    assert found.autoescape is True
    assert found.undefined is jinja2.StrictUndefined
    assert found.from_string("{{ name }}").render(name="<b>") == "&lt;b&gt;"


@pytest.mark.parametrize("path", whole_pages(), ids=lambda path: path.name)
def test_a_page_without_its_values_is_an_error(path):
    with pytest.raises(jinja2.UndefinedError, match="'title' is undefined"):
        render(path.name, path.parent)
    with pytest.raises(jinja2.UndefinedError, match="is undefined"):
        render(path.name, path.parent, title="t")


@pytest.mark.parametrize("shown", ["nothing", "record.nothing", "nothing | number"])
def test_an_undefined_variable_is_an_error(shown):
    for template in (f"{{{{ {shown} }}}}", f"{{% for x in {shown} %}}{{% endfor %}}"):
        with pytest.raises(jinja2.UndefinedError, match=r"nothing' is undefined|no attribute"):
            environment().from_string(template).render(record={})


@pytest.mark.parametrize(
    "key",
    "author created group_counts how_expected highlights caveats cards features status notes "
    "class_counts class_medians rule why_not hypotheses beyond".split(),
)
def test_a_record_that_lacks_a_part_is_an_error(key):
    record = copy.deepcopy(catalogue(PLAIN))
    del record[key]
    with pytest.raises((KeyError, jinja2.UndefinedError), match=key):
        catalogue_page(record, Drawn())


# What lets a text pass unescaped: a filter, a block, a type.
UNSAFE = re.compile(r"\|\s*(?:safe|forceescape|tojson|xmlattr|urlize)\b|autoescape|Markup|__html__")


def unsafe(text):
    return [line.strip() for line in text.splitlines() if UNSAFE.search(line)]


def test_only_our_own_figures_pass_as_safe():
    found = {path.name: unsafe(path.read_text("utf-8")) for path in FILES}
    assert {name: lines for name, lines in found.items() if lines} == {
        "parts.html.jinja": [
            '<figure role="img" aria-label="{{ caption }}">{{ svg | safe }}',
        ]
    }


def test_code_makes_markup_in_one_place_and_joins_no_pages():
    parts = {"report": "page.py", "serve": None}
    for room, allowed in parts.items():
        for path in (SRC / room).rglob("*.py"):
            text = path.read_text("utf-8")
            lines = unsafe(text)
            assert lines == (["autoescape=True,"] if path.name == allowed else []), path
            assert not re.search(r"</(?:p|td|tr|th|table|section|div|li)>", text), path


@pytest.mark.parametrize(
    "text", ["{{ x|safe }}", "{{ x | safe }}", "{% autoescape false %}", "Markup(x)"]
)
def test_what_passes_as_safe_is_found(text):
    assert unsafe(f"a\n {text}\n") == [text]


def test_no_page_is_made_to_import(run_python):
    code = (
        "import sys, xsift, xsift.cli.app, xsift.report, xsift.catalogue.summary; "
        "print('jinja2' in sys.modules)"
    )
    assert run_python(code).strip() == "False"
