"""What stands before every answer: which hosts and pages may ask, and what a browser may do."""

from __future__ import annotations

import asyncio
import ipaddress
import sys
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xsift.serve.answers import Answer

__all__ = ["POLICY", "Guard", "host_of", "is_loopback"]

# Where the page asks for the position of a name, where there is a network.
_SESAME = "https://cds.unistra.fr"
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        f"connect-src 'self' {_SESAME}",
        # Aladin Lite has a document of its own, with a policy of its own.
        "frame-src 'self'",
        "font-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses foreign hosts and pages, and adds the security headers to all answers.

    * A web page can make its own host name resolve to this machine and read what is served here.
      Therefore the requested host must be one of ours. A bare address cannot be rebound.
    * A page of another origin can make a browser send a request here. Therefore a request that
      changes or computes anything must come from our own origin. It must also carry a header that
      a foreign page cannot set.

    Parameters
    ----------
    app : ASGI application
    hosts : iterable of str
        Host names that the server answers to, without port. If empty: any address, and
        ``localhost``.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(h.casefold() for h in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let an allowed request through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = finished = False

        async def send_guarded(message: Message) -> None:
            nonlocal started, finished
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache")
                del headers["server"]
            elif message["type"] == "http.response.body":
                finished = not message.get("more_body", False)
            await send(message)

        answer = self._refusal(scope) or self._app
        try:
            await answer(scope, receive, send_guarded)
        except asyncio.CancelledError:  # only a server that ends cancels its tasks
            if not started:
                said = "the server is being stopped"
                await Answer({"detail": said}, 503)(scope, receive, send_guarded)
        except Exception as error:  # a fault of ours: one line for the user, one for the log
            where = f"{scope['method']} {scope['path']}"
            print(f"xsift: {where!r}: {type(error).__name__}: {error}", file=sys.stderr)
            if started and not finished:
                raise  # the connection ends, so that nobody takes the half for the whole

    def _refusal(self, scope: Scope) -> Answer | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_ours(host_of(host)):
            return Answer({"detail": f"host {host[:80]!r} is not served here"}, 400)
        if scope["method"] in ("GET", "HEAD"):
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        same = origin is None or (
            urlsplit(origin).netloc.casefold() == host.casefold()
            and urlsplit(origin).scheme == scope["scheme"]
        )
        if not same or site not in (None, "same-origin", "none"):
            return Answer({"detail": "requests from pages of other sites are refused"}, 403)
        if headers.get("x-xsift") != "1":
            return Answer({"detail": "the header X-Xsift: 1 is missing"}, 403)
        return None

    def _is_ours(self, host: str) -> bool:
        if self._hosts:
            return host in self._hosts
        return host == "localhost" or _address(host) is not None


def host_of(header: str) -> str:
    """Return the host of a Host header, without the port."""
    try:
        return (urlsplit(f"//{header}").hostname or "").casefold()
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach a server that listens on this host."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
