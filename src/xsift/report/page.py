"""Pages from templates: every value is escaped, and a value that is missing is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xsift.catalogue.summary import number

if TYPE_CHECKING:
    from jinja2 import Environment

__all__ = ["TEMPLATES", "environment", "render"]

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment(folder: Path = TEMPLATES) -> Environment:
    """Return the environment that reads the templates of a folder and of this package.

    Parameters
    ----------
    folder : Path
        Its templates may extend and import those of `TEMPLATES`.

    Returns
    -------
    jinja2.Environment
        Its filter ``number`` shows a number, an interval or text.
    """
    # Imported late: help and `import xsift` need no pages.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = Environment(
        loader=FileSystemLoader([folder, TEMPLATES]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    found.filters["number"] = number
    return found


def render(template: str, folder: Path = TEMPLATES, **values: Any) -> str:
    """Return a whole page that loads no script, style sheet, image or font.

    Parameters
    ----------
    template : str
        Name of a file in the folder.
    folder : Path
    **values
        Values for the template, as plain text and numbers. The template escapes them.

    Raises
    ------
    jinja2.UndefinedError
        If the template uses a value that is missing.
    """
    return environment(folder).get_template(template).render(values)
