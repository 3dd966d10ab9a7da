"""The generated parts of docs/reproduction.md: tables of the paper's numbers beside ours."""

from __future__ import annotations

import math
import re
import tomllib
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tools.reproduction import measure, validate
from tools.reproduction.measure import Rows, Tables

PAPER = Path(__file__).with_name("paper.toml")
PART = re.compile(
    r"(?P<begin><!-- begin (?P<name>\w+) -->\n).*?(?P<end><!-- end (?P=name) -->)", re.DOTALL
)
SAME = "the same detections"


def paper() -> dict[str, dict[str, Any]]:
    """Return what the paper says; its numbers keep their digits."""
    return tomllib.loads(PAPER.read_text("utf-8"), parse_float=Decimal)


def parts(tables: Tables) -> dict[str, str]:
    """Measure everything; return the generated parts of the page by name."""
    said = paper()
    ours: dict[str, dict[str, Rows]] = {
        name: getattr(measure, name)(tables)
        for name in ("rows", "missing", "vote", "classes", "medians", "clusters", "compared")
    }
    ours |= {"scan": measure.scan(tables)} | validate.measured(tables)
    said["scan"] = _gains(said["scan"])
    found = {name: table(said[name], ours[name]) for name in ours}
    same = measure.published_medians(tables)
    found["medians"] = f"{found['medians']}\n{_agreeing(said['medians'], same)}\n"
    return found | _lines(tables)


def _lines(tables: Tables) -> dict[str, str]:
    cluster, both = measure.agreement(tables), measure.catalogues(tables)
    return {
        "agreement": (
            f"{cluster['same']:,.0f} of {cluster['compared']:,.0f} detections lie in the published "
            "cluster.\n"
        ),
        "rand": (
            "Adjusted Rand index between the published clusters and those of this fit, on the same "
            f"detections: {cluster['rand']:.2f}.\n"
        ),
        "catalogues": (
            f"Of {both['n']:,.0f} detections that both the published and this catalogue classify, "
            f"{100 * both['group']:.0f} % are given the same group and {100 * both['class']:.0f} % "
            "the same class.\n"
        ),
    }


def _gains(section: dict[str, Any]) -> dict[str, Any]:
    """Turn the figure's BIC into what each K gains per detection, as for ours."""
    read = {k: [float(v) for v in row] for k, row in section["rows"].items()}
    millions = {k: [bic * 1e6, silhouette] for k, (bic, silhouette) in read.items()}
    gained = measure.gains(millions, section["detections"])
    rows = {k: [_rounded(g, 2), _rounded(s, 3)] for k, (g, s) in gained.items()}
    return {**section, "rows": rows}


def table(section: dict[str, Any], ours: dict[str, Rows]) -> str:
    """Return a Markdown table: a column for each of ours; where the paper has many, a line."""
    columns, rows = section["columns"], section["rows"]
    if len(columns) == 1:
        out = _head(["", "paper", *ours])
        for label, (value,) in rows.items():
            mine = [_shown(found.get(label, [math.nan])[0], value) for found in ours.values()]
            out += _line([_name(label), _as_given(value), *mine])
    else:
        out = _head(["", "", *columns])
        for label, values in rows.items():
            out += _line([_name(label), "paper", *map(_as_given, values)])
            for whose, found in ours.items():
                if whose != SAME:
                    mine = map(_shown, found[label], values)
                    out += _line(["", f"*{_short(whose)}*", *mine])
    note = f"Paper: {section['where']}.\n"
    if SAME in ours and len(columns) > 1:
        note += f"\n{_agreeing(section, ours[SAME])}\n"
    return f"{out}\n{note}"


def _agreeing(section: dict[str, Any], same: Rows) -> str:
    """Count the numbers that the same data give to the paper's digits, and name the others."""
    others, n = [], 0
    for label, values in section["rows"].items():
        for column, value, mine in zip(section["columns"], values, same[label], strict=True):
            n += 1
            if _shown(mine, value) != _as_given(value):
                said = f"{_shown(mine, value)} instead of {_as_given(value)}"
                others.append(f"{column} of {_name(label)} ({said})")
    named = f"; not {', '.join(others)}" if others else ""
    return (
        f"From the published data xsift finds {n - len(others)} of the paper's {n} numbers in this "
        f"table to the last digit{named}."
    )


def _head(cells: list[str]) -> str:
    return _line(cells) + "|---|" + "---:|" * (len(cells) - 1) + "\n"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(c.replace('|', chr(92) + '|') for c in cells)} |\n"


def _name(label: str) -> str:
    group = label.removesuffix("_group")
    return f"**{group}**" if group != label else label.replace("*", "\\*")


def _short(whose: str) -> str:
    return "ours" if whose.endswith(".parquet") else whose


def _as_given(value: Decimal | int) -> str:
    return f"{value:,}"


def _shown(mine: float, value: Decimal | int) -> str:
    """Return our number with as many digits as the paper's."""
    if not math.isfinite(mine):
        return "\N{EN DASH}"
    return f"{_rounded(mine, 0 if isinstance(value, int) else -value.as_tuple().exponent):,}"


def _rounded(value: float, digits: int) -> Decimal:
    return Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def filled(text: str, found: dict[str, str]) -> str:
    """Put the generated parts between their marks in the page.

    Raises
    ------
    ValueError
        If page and parts do not name the same.
    """
    marked = [m["name"] for m in PART.finditer(text)]
    if sorted(marked) != sorted(found):
        raise ValueError(f"the page has {sorted(marked)}, the parts are {sorted(found)}")
    return PART.sub(lambda m: f"{m['begin']}\n{found[m['name']]}\n{m['end']}", text)
