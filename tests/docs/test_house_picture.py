"""The picture of the house is what the code gives now."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

pytest.importorskip("grimp", reason="the extra dev is not installed")

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tools import draw_house  # noqa: E402

SRC = ROOT / "src" / "xsift"


def drawn(svg, kind):
    found = ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    return [element.text for element in found if element.get("class") == kind]


def test_the_committed_picture_is_what_the_code_gives():
    assert draw_house.PICTURE.read_text("utf-8") == draw_house.draw(), (
        "rooms, purposes or imports have changed: run python tools/draw_house.py"
    )


def test_every_room_is_drawn_with_its_purpose():
    rooms = {p.parent.name for p in SRC.glob("*/__init__.py")}
    rooms |= {p.stem for p in SRC.glob("*.py")} - {"__init__", "__main__"}
    svg = draw_house.draw()
    assert drawn(svg, "name") == ["src/xsift", *drawn(svg, "head")]
    assert set(drawn(svg, "head")) == rooms
    said = " ".join(drawn(svg, ""))
    for room in rooms:
        assert draw_house.purpose(room)
        assert draw_house.purpose(room) in said


def test_an_import_is_a_dot_and_one_that_points_up_is_red(monkeypatch):
    monkeypatch.setattr(draw_house, "imports", lambda: {("cli", "read"), ("vote", "model")})
    assert re.findall(r'class="(dot|up)"', draw_house.draw()) == ["dot", "up"]


def test_imports_inside_functions_count():
    assert ("cli", "serve") in draw_house.imports()
    assert "import server" not in re.sub(
        r"^ .*$", "", (SRC / "cli/serve.py").read_text(), flags=re.M
    )
