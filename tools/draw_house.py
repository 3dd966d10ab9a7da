"""Draw the house: docs/pictures/house.svg, from the code itself (`make pictures`).

The rooms and their order are the layers of import-linter's contract in pyproject.toml. Their
purposes are the first lines of their docstrings. A dot is an import, inside functions too.
"""

from __future__ import annotations

import ast
import sys
import textwrap
import tomllib
from html import escape
from pathlib import Path
from typing import Any

import grimp

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "xsift"
PICTURE = ROOT / "docs" / "pictures" / "house.svg"

WIDTH, MARGIN = 900, 20
NAME, PURPOSE = 36, 132  # where the names and the purposes begin
GRID, CELL = 546, 13.5  # where the dots begin, and how far apart their columns are
TOP, ROW, GAP = 112, 36, 9  # the first row, the height of a row, the space between two layers
LETTERS = 62  # of a purpose in one line

STYLE = """
  svg { color-scheme: light dark }
  text { font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #3d434b }
  .page { fill: #ffffff } .layer { fill: #f2f5f8 } .line { stroke: #d5dbe2 }
  .name { font: 600 13.5px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    fill: #15191e }
  .head { font: 11.5px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace }
  .dot { fill: #1f5a8c } .self { fill: #aeb9c4 } .up { fill: #c62828 }
  @media (prefers-color-scheme: dark) {
    text { fill: #b9c1ca } .name { fill: #f0f3f6 }
    .page { fill: #14171b } .layer { fill: #1f242a } .line { stroke: #39414a }
    .dot { fill: #7db8e8 } .self { fill: #5a6570 } .up { fill: #ff6b6b }
  }
"""


def contract(kind: str) -> dict[str, Any]:
    """Return import-linter's contract of a kind, of which pyproject.toml has one."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    (found,) = (c for c in pyproject["tool"]["importlinter"]["contracts"] if c["type"] == kind)
    return found


def layers() -> list[list[str]]:
    """Return the rooms of each layer, the top layer first."""
    house = contract("layers")["layers"]
    return [[room.strip() for room in layer.split("|")] for layer in house]


def purpose(room: str) -> str:
    """Return the first line of a room's docstring, without its full stop."""
    path = SOURCE / room / "__init__.py"
    text = (path if path.exists() else SOURCE / f"{room}.py").read_text("utf-8")
    return (ast.get_docstring(ast.parse(text)) or "").split("\n")[0].rstrip(".")


def imports() -> set[tuple[str, str]]:
    """Return the pairs of rooms of which the first imports the second."""
    graph = grimp.build_graph("xsift", exclude_type_checking_imports=True, cache_dir=None)
    rooms = {room for layer in layers() for room in layer}
    room = {module: [*module.split("."), ""][1] for module in graph.modules}
    pairs = {
        (room[module], room[imported])
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    return {(a, b) for a, b in pairs if a != b and {a, b} <= rooms}


def draw() -> str:
    house, used = layers(), imports()
    rooms = [room for layer in house for room in layer]
    column = {room: GRID + CELL * (i + 0.5) for i, room in enumerate(rooms)}
    row, back, y = {}, [], float(TOP)
    for layer in house:
        height = ROW * len(layer)
        back.append(box("layer", MARGIN, y, WIDTH - 2 * MARGIN, height, 7))
        for i, room in enumerate(layer):
            row[room] = y + ROW * (i + 0.5)
        y += height + GAP
    front = []
    for room in rooms:
        front += labels(room, column[room], row[room])
    for a, b in sorted(used):
        kind = "dot" if row[a] < row[b] else "up"
        front.append(f'<circle class="{kind}" cx="{column[b]:g}" cy="{row[a]:g}" r="4.2"/>')
    stages = [module.removeprefix("xsift.") for module in contract("independence")["modules"]]
    legend = [
        text("", GRID, row[stages[-1]] + 4.5, sentence(contract("independence")["name"])),
        text("name", NAME, 36, "src/xsift"),
        text("", NAME, 58, sentence(contract("layers")["name"])),
        text("", NAME, 76, "A dot: the room of its row imports the room of its column."),
    ]
    size = f'width="{WIDTH}" height="{y + 11:g}" viewBox="0 0 {WIDTH} {y + 11:g}"'
    title = "<title>The rooms of xsift, what each is for, and which rooms it imports</title>"
    page = box("page", 0, 0, WIDTH, y + 11, 0)
    body = "\n".join([title, f"<style>{STYLE}</style>", page, *back, *legend, *front])
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">\n{body}\n</svg>\n'


def labels(room: str, x: float, y: float) -> list[str]:
    """Draw a room's name and purpose, the head of its column, and the line between the two."""
    lines = textwrap.wrap(purpose(room), LETTERS)
    first = y + 4.5 - 7.5 * (len(lines) - 1)
    head = f'transform="translate({x + 4:g},{TOP - 8}) rotate(-90)"'
    return [
        f'<line class="line" x1="{x:g}" x2="{x:g}" y1="{TOP - 3}" y2="{y:g}"/>',
        f'<circle class="self" cx="{x:g}" cy="{y:g}" r="2.5"/>',
        f'<text class="head" {head}>{escape(room)}</text>',
        text("name", NAME, y + 4.5, room),
        *(text("", PURPOSE, first + 15 * i, line) for i, line in enumerate(lines)),
    ]


def sentence(name: str) -> str:
    return f"{name[0].upper()}{name[1:]}."


def text(kind: str, x: float, y: float, said: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y:g}">{escape(said)}</text>'


def box(kind: str, x: float, y: float, width: float, height: float, corner: float) -> str:
    size = f'width="{width:g}" height="{height:g}" rx="{corner:g}"'
    return f'<rect class="{kind}" x="{x:g}" y="{y:g}" {size}/>'


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}\n")
