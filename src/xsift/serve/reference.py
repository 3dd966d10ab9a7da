"""The reference of the API as a page: written here from its description, without any script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape
from typing import Any

from starlette.responses import HTMLResponse

from xsift.report.page import page, paragraph, section

__all__ = ["reference"]


def reference(api: dict[str, Any]) -> HTMLResponse:
    """Return the page of an OpenAPI description."""
    intro = (
        'Answers are JSON unless said otherwise. An error is {"detail": "one line"} with a '
        "status of 4xx. A description for programs is at /openapi.json."
    )
    parts = [paragraph(intro), *_endpoints(api)]
    text = page(f"API of xsift {api['info']['version']}", parts)
    # The page's one style sheet is allowed by its fingerprint, and nothing else is.
    style = text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    )
    return HTMLResponse(text, headers={"Content-Security-Policy": policy})


def _endpoints(api: dict[str, Any]) -> Iterator[str]:
    for path, methods in api["paths"].items():
        for method, said in methods.items():
            parts = [paragraph(part) for part in said.get("description", "").split("\n\n") if part]
            if rows := [_parameter(p) for p in said.get("parameters", [])]:
                parts.append("<ul>\n" + "\n".join(rows) + "\n</ul>")
            yield section(f"{method.upper()} {path}", parts)


def _parameter(said: dict[str, Any]) -> str:
    schema = said.get("schema", {})
    where = "" if said["in"] == "query" else f", in the {said['in']}"
    needed = ", needed" if said.get("required") else ""
    kind = escape(f"{_kind(schema)}{where}{needed}")
    what = escape(said.get("description") or schema.get("description") or "")
    return f"<li><code>{escape(said['name'])}</code> ({kind}): {what}</li>"


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
