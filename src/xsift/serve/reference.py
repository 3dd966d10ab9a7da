"""The reference of the API as a page: written here from its description, without any script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from starlette.responses import HTMLResponse

from xsift.report.page import render

__all__ = ["reference"]

_TEMPLATES = Path(__file__).parent / "templates"


def reference(api: dict[str, Any]) -> HTMLResponse:
    """Return an OpenAPI description as a page."""
    title = f"API of xsift {api['info']['version']}"
    text = render("reference.html.jinja", _TEMPLATES, title=title, endpoints=list(_endpoints(api)))
    # The page's one style sheet is allowed by its fingerprint, and nothing else is.
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


def _endpoints(api: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in api["paths"].items():
        for method, said in methods.items():
            yield {
                "method": method.upper(),
                "path": path,
                "paragraphs": [p for p in said.get("description", "").split("\n\n") if p],
                "parameters": [_parameter(p) for p in said.get("parameters", [])],
            }


def _parameter(said: dict[str, Any]) -> dict[str, Any]:
    schema = said.get("schema", {})
    return {
        "name": said["name"],
        "kind": _kind(schema),
        "where": said["in"],
        "is_needed": said.get("required", False),
        "what": said.get("description") or schema.get("description") or "",
    }


def _kind(schema: dict[str, Any]) -> str:
    for choice in schema.get("anyOf", [schema]):
        if choice.get("type") == "null":
            continue
        if "enum" in choice:
            return " | ".join(map(str, choice["enum"]))
        kind = str(choice.get("type", ""))
        if kind == "array":
            return f"{choice['items'].get('type', '')}, may be repeated"
        low, high = choice.get("minimum"), choice.get("maximum")
        if high is not None:
            return f"{kind}, {low:g} to {high:,}"
        return f"{kind}, {low:g} and more" if low is not None else kind
    return ""
