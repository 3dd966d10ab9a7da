"""The committed page of reproduction agrees with a fresh run of the command that makes it."""

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools.reproduction import page as made  # noqa: E402
from tools.reproduction.measure import Tables, gains  # noqa: E402

PAGE = ROOT / "docs" / "reproduction.md"
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
# What follows from published files alone must agree to the last digit.
EXACT = {"agreement"}


def committed():
    return {
        m["name"]: m[0].split("-->\n", 1)[1].rsplit("<!--", 1)[0].strip()
        for m in made.PART.finditer(PAGE.read_text("utf-8"))
    }


def close(a, b):
    """Shares to 0.03, other numbers to 5 % or 3: another processor may settle in other optima."""
    a, b = (float(x.replace(",", "")) for x in (a, b))
    return abs(a - b) <= (0.03 if abs(a) <= 1 else max(0.05 * abs(a), 0.3 if "." in str(b) else 3))


@pytest.mark.slow
@pytest.mark.real
def test_the_page_is_what_a_fresh_run_gives(real):
    fresh = made.parts(Tables(real("README.md").parent, lambda step: None))
    said = committed()
    assert set(said) == set(fresh)
    for name, text in fresh.items():
        for old, new in zip(said[name].splitlines(), text.strip().splitlines(), strict=True):
            assert NUMBER.sub("#", old) == NUMBER.sub("#", new), name
            for a, b in zip(NUMBER.findall(old), NUMBER.findall(new), strict=True):
                assert a == b if name in EXACT else close(a, b), f"{name}: {old}\n{new}"


def test_what_is_exact_is_said_to_be():
    said = committed()
    assert said["agreement"].startswith("12,292 of 12,292 detections")
    assert "finds 50 of the paper's 50 numbers" in said["classes"]
    assert "finds 182 of the paper's 182 numbers" in said["medians"]
    rows = [line for line in said["vote"].splitlines() if line.startswith("| ")][1:]
    assert len(rows) == 14
    for row in rows:
        _, paper, same, _ = (c.strip() for c in row.strip("|").split("|"))
        assert paper == same, row


def test_the_papers_numbers_stand_in_one_file_with_their_source():
    paper = made.paper()
    assert set(paper) | {"agreement", "rand", "catalogues"} == set(committed())
    for name, section in paper.items():
        assert section["where"], name
        for label, values in section["rows"].items():
            assert len(values) == len(section["columns"]), f"{name}, {label}"


def test_a_table_shows_ours_with_the_papers_digits():
    section = {
        "where": "a figure",
        "columns": ["paper"],
        "rows": {"n": [1234], "share": [made.Decimal("0.50")], "unknown": [made.Decimal("0.1")]},
    }
    ours = {"ours": {"n": [999.6], "share": [0.505], "unknown": [float("nan")]}}
    lines = made.table(section, ours).splitlines()
    assert lines[2:] == [
        "| n | 1,234 | 1,000 |",
        "| share | 0.50 | 0.51 |",
        "| unknown | 0.1 | \N{EN DASH} |",
        "",
        "Paper: a figure.",
    ]


def test_a_number_that_differs_is_named():
    section = {"where": "w", "columns": ["a", "b"], "rows": {"QSO": [1, made.Decimal("0.50")]}}
    text = made.table(section, {made.SAME: {"QSO": [1.0, 0.52]}})
    assert "finds 1 of the paper's 2 numbers" in text
    assert "not b of QSO (0.52 instead of 0.50)" in text


def test_gains_by_hand():
    # From -100 to -160 over 10 detections: 6 each.
    assert gains({"2": [-100.0, 0.3], "3": [-160.0, 0.2]}, 10) == {"3": [6.0, 0.2]}


def test_parts_and_page_must_name_the_same():
    with pytest.raises(ValueError, match=r"the page has \['a'\], the parts are \['b'\]"):
        made.filled("<!-- begin a -->\n<!-- end a -->", {"b": "x"})
    text = "<!-- begin a -->\nold\n<!-- end a -->"
    assert made.filled(text, {"a": "new\n"}) == "<!-- begin a -->\n\nnew\n\n<!-- end a -->"
