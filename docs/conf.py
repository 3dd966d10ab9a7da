"""How the site is built from these pages: `make docs` writes it to build/site.

The pages are plain Markdown that reads well without being built. This file adds what the site
needs. The navigation comes from the lists of index.md, the reference from the docstrings. Formulas
become MathML, which browsers draw without a script and without a network. The site holds a font for
them (STIX Two Math, SIL Open Font License, from the package ziamath).
"""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "src"))

from docutils import nodes  # noqa: E402
from latex2mathml.converter import convert  # noqa: E402
from pygments.lexers.special import TextLexer  # noqa: E402

import xsift  # noqa: E402

project = "xsift"
author = "The xsift developers"
project_copyright = author
version = release = xsift.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
exclude_patterns: list[str] = []
nitpicky = False
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
myst_heading_anchors = 3  # the anchors that the pages' own links use

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_typehints = "none"  # the docstrings say it in words, with shapes and units
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True  # attributes as a list, not as entries of their own
autodoc_inherit_docstrings = False
default_role = "code"  # a name in single backticks, as the docstrings have it
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "xsift"
# Found, not imported: only its font is wanted.
FONT = Path(find_spec("ziamath").origin).parent / "fonts" / "STIXTwoMath-Regular.ttf"
html_static_path = ["static", str(FONT)]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5a8c", "color-brand-content": "#1f5a8c"},
    "dark_css_variables": {"color-brand-primary": "#7db8e8", "color-brand-content": "#7db8e8"},
    "footer_icons": [],
}

SECTION = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)
ENTRY = re.compile(r"^\* \[(?P<title>[^\]]+)\]\((?P<page>[\w/-]+)\.(?:md|rst)\)", re.MULTILINE)


def navigation(index: str) -> dict[str, list[tuple[str, str]]]:
    """Return the sections of index.md that list pages: title and page of each."""
    parts = SECTION.split(index)
    lists = {t: ENTRY.findall(body) for t, body in zip(parts[1::2], parts[2::2], strict=True)}
    return {title: pages for title, pages in lists.items() if pages}


def add_navigation(app, docname, source) -> None:
    """Give Sphinx as tables of contents what index.md lists for the reader."""
    if docname == "index":
        for caption, pages in navigation(source[0]).items():
            entries = "\n".join(f"{title} <{page}>" for title, page in pages)
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{entries}\n```\n"


def inline_math(self, node) -> None:
    """Write a formula of a sentence as MathML."""
    self.body.append(convert(node.astext(), display="inline"))
    raise nodes.SkipNode


def displayed_math(self, node) -> None:
    """Write a formula of its own as MathML."""
    formula = convert(node.astext(), display="block")
    self.body.append(f'<div class="math" tabindex="0">{formula}</div>\n')
    raise nodes.SkipNode


def skip(app, what, name, obj, skipped, options) -> bool | None:
    """Leave out the methods that scikit-learn gives every estimator for its own routing."""
    routed = re.fullmatch(r"set_\w+_request|get_(metadata_routing|feature_names_out)", name)
    return True if routed else None


def setup(app) -> None:
    """Tell Sphinx of the above."""
    app.add_html_math_renderer("mathml", (inline_math, None), (displayed_math, None))
    app.connect("source-read", add_navigation)
    app.connect("autodoc-skip-member", skip)
    app.add_lexer("csv", TextLexer)
