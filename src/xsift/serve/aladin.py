"""Aladin Lite, which is no part of xsift: where the page takes it from when a reader asks for it.

It runs in a frame of its own, whose policy lets it run WebAssembly and ask CDS; that of the page
allows neither.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import HTMLResponse

from xsift.errors import SettingError
from xsift.report.page import render

__all__ = ["ADDRESS", "INTEGRITY", "VERSION", "Aladin", "read_aladin"]

VERSION = "3.6.5"
"""3.8.2 stops when its grid crosses the equator: stay on this version, or keep the grid off."""

ADDRESS = f"https://aladin.cds.unistra.fr/AladinLite/api/v3/{VERSION}/aladin.js"

INTEGRITY = "sha384-mJqn85sxN+JJL/lCG8H734YjrnnBR1GRJ5UV66cpzawpeSghO7KIxe9VeCfuv+a9"
"""Of dist/aladin.js in the npm package aladin-lite of this version; more may follow a blank."""

_OWN_ADDRESS = "/aladin.js"
_MOST_BYTES = 32 * 1024**2
_TEMPLATES = Path(__file__).parent / "templates"
# Hosts of CDS that Aladin Lite asks for surveys and names, where there is a network.
_CDS = (
    "https://alasky.cds.unistra.fr https://alaskybis.cds.unistra.fr https://alasky.u-strasbg.fr "
    "https://alaskybis.u-strasbg.fr https://cds.unistra.fr"
)


@dataclass(frozen=True)
class Aladin:
    """Where Aladin Lite comes from.

    Attributes
    ----------
    script : bytes or None
        The user's own copy, which the server sends. If None, the browser loads Aladin Lite from
        CDS.
    note : str
        A note for the user about the copy. It may be empty.
    """

    script: bytes | None = None
    note: str = ""

    def frame(self) -> HTMLResponse:
        """Return the HTML document in which Aladin Lite runs."""
        own = self.script is not None
        text = render(
            "frame.html.jinja",
            _TEMPLATES,
            title="Aladin Lite",
            address=_OWN_ADDRESS if own else ADDRESS,
            integrity="" if own else INTEGRITY,
        )
        policy = (
            "default-src 'none'",
            f"script-src 'self' 'wasm-unsafe-eval'{'' if own else f' {ADDRESS}'}",
            # Aladin Lite makes a style element and writes style attributes.
            "style-src 'self' 'unsafe-inline'",
            f"img-src 'self' data: blob: {_CDS}",
            f"connect-src 'self' data: {_CDS}",
            "worker-src 'self' blob:",
            "font-src 'self' data:",
            "form-action 'none'",
            "frame-ancestors 'self'",
            "base-uri 'none'",
        )
        headers = {"Content-Security-Policy": "; ".join(policy), "X-Frame-Options": "SAMEORIGIN"}
        return HTMLResponse(text, headers=headers)


def read_aladin(path: Path) -> Aladin:
    """Read the user's copy of `aladin.js`.

    Raises
    ------
    SettingError
        If the file does not exist, or is not Aladin Lite.
    """
    get = f"take dist/aladin.js of the npm package aladin-lite {VERSION}"
    try:
        if path.stat().st_size > _MOST_BYTES:
            most = _MOST_BYTES // 1024**2
            raise SettingError(f"--aladin {path}: larger than {most} MiB, so no aladin.js: {get}")
        script = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SettingError(f"--aladin {path}: cannot be read: {reason}; {get}") from error
    if b"aladin" not in script:
        raise SettingError(
            f"--aladin {path}: no Aladin Lite, which names itself in its file: {get}"
        )
    digest = base64.b64encode(hashlib.sha384(script).digest()).decode()
    is_known = f"sha384-{digest}" in INTEGRITY.split()
    note = f"--aladin {path}: not the {VERSION} that xsift was tested with; it may not run"
    return Aladin(script, "" if is_known else note)
