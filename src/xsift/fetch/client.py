"""HTTP with limits: on time, on size, on tries, on where an answer may come from."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from xsift import __version__
from xsift.errors import ServiceError, SettingError, first_line, need

__all__ = ["Client", "Limits", "PassingFault", "Reply"]

T = TypeVar("T")
Files = Mapping[str, tuple[str, bytes]]

_PIECE = 1 << 16
_REDIRECTS = 5
_FAREWELL = 5.0
_MOVED = (301, 302, 303, 307, 308)
# What a service says when it may well answer the next time.
_PASSING = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Limits:
    """How long the client waits, how much it takes, how often it asks.

    Attributes
    ----------
    budget : float
        For all of the work, s.
    answer, connect, silence : float
        For one answer, for a connection, and without a byte, s.
    tries : int
        Of one request, where the fault may pass.
    backoff : float
        Wait before the second try, s; doubled before each one after it.
    pause : float
        Between two requests, s.
    poll : float
        Between two questions after an asynchronous job, s.
    max_bytes : int
        Of one answer, uncompressed.
    """

    budget: float = 3600.0
    answer: float = 1200.0
    connect: float = 3.0
    silence: float = 300.0
    tries: int = 4
    backoff: float = 1.0
    pause: float = 0.5
    poll: float = 2.0
    max_bytes: int = 1 << 30


@dataclass(frozen=True)
class Reply:
    """An answer, all of it.

    Attributes
    ----------
    url : str
        What answered, after redirects.
    status : int
    retry_after : float
        How long the service asks to wait, s; 0 where it does not say.
    content : bytes
    """

    url: str
    status: int
    retry_after: float
    content: bytes


class PassingFault(Exception):
    """A fault that may be gone at the next try."""

    def __init__(self, said: str, wait: float = 0.0) -> None:
        super().__init__(said)
        self.wait = wait


class Client:
    """Asks one service, and no other host.

    It names itself, sends nothing but the request (no credentials, no cookies), follows no redirect
    off the service's host, and takes only whole answers.

    Parameters
    ----------
    url : str
        Base address of the service.
    limits : Limits

    Raises
    ------
    SettingError
        If the address is none of http or https.
    MissingPackageError
        If `requests` is not installed.
    """

    def __init__(self, url: str, limits: Limits | None = None) -> None:
        self.url = _checked(url)
        self.limits = limits or Limits()
        need("requests", "cannot fetch")
        self._begin(self.limits.budget)

    def __getstate__(self) -> dict[str, Any]:
        # A copy in another process, whose clock runs from another moment, keeps to the same end.
        return {"url": self.url, "limits": self.limits, "end": time.time() + self._left()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.url, self.limits = state["url"], state["limits"]
        self._begin(state["end"] - time.time())

    def _begin(self, left: float) -> None:
        import requests

        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"xsift/{__version__}"
        self._session.auth = _no_credentials
        self._deadline = time.monotonic() + left
        self._next = 0.0

    def ask(
        self,
        method: str,
        path: str,
        accept: Callable[[Reply], T],
        data: Mapping[str, str] | None = None,
        files: Files | None = None,
        tries: int | None = None,
    ) -> T:
        """Ask until `accept` takes an answer, or the tries are used up.

        Parameters
        ----------
        method : {"GET", "POST", "DELETE"}
        path : str
            Below the base address, or an address on the same host.
        accept : callable
            Turns a whole answer into what is wanted; raises PassingFault where another try may
            help.

        Raises
        ------
        ServiceError
            If no try succeeds, or the time is used up.
        """
        url = path if "://" in path else f"{self.url}/{path}".rstrip("/")
        tries = tries or self.limits.tries
        for n in range(1, tries + 1):
            try:
                return accept(self._reply(method, url, data, files))
            except PassingFault as fault:
                if n == tries:
                    times = f" (tried {tries} times)" if tries > 1 else ""
                    raise ServiceError(f"{self.url}: {fault}{times}") from fault
                self.wait(max(fault.wait, self.limits.backoff * 2 ** (n - 1)))
        raise AssertionError("unreachable")

    def wait(self, seconds: float) -> None:
        """Wait, where the budget allows it.

        Raises
        ------
        ServiceError
            If it does not.
        """
        if seconds >= self._left():
            asked = f"asks to wait {seconds:.0f} s" if seconds > 60 else "takes its time"
            raise self._out_of_time(asked)
        time.sleep(seconds)

    def _out_of_time(self, asked: str) -> ServiceError:
        return ServiceError(
            f"{self.url}: the service {asked}, and the time budget of "
            f"{self.limits.budget:g} s (--budget) ends before: what was fetched is kept, run "
            "it again to go on"
        )

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _reply(
        self, method: str, url: str, data: Mapping[str, str] | None, files: Files | None
    ) -> Reply:
        """Ask once; follow redirects on the host."""
        for _ in range(_REDIRECTS):
            self.wait(max(0.0, self._next - time.monotonic()))
            reply, target = self._watched(method, url, data, files)
            self._next = time.monotonic() + self.limits.pause
            if target is None or method == "DELETE":
                # Some services say 500 of a query that they refuse: the answer says why.
                if reply.status in _PASSING and b"<VOTABLE" not in reply.content[:4096]:
                    said = f"{reply.status} ({HTTPStatus(reply.status).phrase.lower()})"
                    raise PassingFault(f"the service answers {said}", reply.retry_after)
                return reply
            target = self._same_host(url, target)
            # A query goes on to where the service moved; its result is only to be got.
            if reply.status not in (307, 308) and urlsplit(target).path != urlsplit(url).path:
                method, data, files = "GET", None, None
            url = target
        raise ServiceError(f"{self.url}: the service redirects without end")

    def _same_host(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        here, there = urlsplit(url), urlsplit(target)
        upgrade = (here.scheme, there.scheme) == ("http", "https") and not (here.port or there.port)
        same = (here.scheme, here.port) == (there.scheme, there.port)
        if here.hostname != there.hostname or not (same or upgrade):
            raise ServiceError(
                f"{self.url}: the service redirects to another host ({there.netloc[:80]!r}): not "
                "followed; give that address with --url if you trust it"
            )
        return target

    def _watched(self, *request: Any) -> tuple[Reply, str | None]:
        """Do the exchange in a thread: looking up a name, or slow headers, know no time limit."""
        outcome: queue.Queue[Any] = queue.Queue(1)
        stop = threading.Event()

        def work() -> None:
            try:
                outcome.put(self._exchange(stop, *request))
            except Exception as error:  # handed over, and raised there
                outcome.put(error)

        threading.Thread(target=work, daemon=True).start()
        # A job is given back in passing, also when the user stops.
        longest = _FAREWELL if request[0] == "DELETE" else self.limits.answer
        left = max(0.0, self._left())
        try:
            done = outcome.get(timeout=min(longest, left))
        except queue.Empty:
            if left < longest:
                raise self._out_of_time("takes its time") from None
            raise ServiceError(
                f"{self.url}: no whole answer within {longest:.3g} s: ask for less at a time, or "
                "with --async"
            ) from None
        finally:
            stop.set()
        if isinstance(done, Exception):
            raise self._in_words(done) from done
        return done  # type: ignore[no-any-return]

    def _exchange(
        self,
        stop: threading.Event,
        method: str,
        url: str,
        data: Mapping[str, str] | None,
        files: Files | None,
    ) -> tuple[Reply, str | None]:
        timeout = (self.limits.connect, self.limits.silence)
        with self._session.request(
            method, url, data=data, files=files, stream=True, allow_redirects=False, timeout=timeout
        ) as response:
            content = bytearray()
            while not stop.is_set() and (piece := response.raw.read1(_PIECE, decode_content=True)):
                content += piece
                if len(content) > self.limits.max_bytes:
                    raise ServiceError(
                        f"{self.url}: the answer has no end: more than "
                        f"{self.limits.max_bytes / 2**20:,.0f} MiB; ask for less at a time"
                    )
            self._session.cookies.clear()
            status = int(response.status_code)
            wait = _seconds(response.headers.get("Retry-After", ""))
            target = response.headers.get("Location") if status in _MOVED else None
            return Reply(url, status, wait, bytes(content)), target

    def _in_words(self, error: Exception) -> Exception:
        import requests
        import urllib3

        if isinstance(error, ServiceError):
            return error
        known = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
        if not isinstance(error, known):
            return ServiceError(f"{self.url}: cannot be asked: {first_line(error)}")
        said = repr(error)
        for sign, words in _SIGNS:
            if sign in said:
                return PassingFault(words.format(self.limits))
        return PassingFault(f"no answer: {first_line(error)}")


# What the libraries' exceptions are called, or say, and what it means.
_SIGNS = (
    ("SSLError", "the secure connection fails: its certificate is not trusted"),
    ("NameResolution", "no such host is known: is the address right, and the network up?"),
    ("Connection refused", "the connection is refused: is the address right, and the service up?"),
    ("ConnectTimeout", "no connection within {0.connect:g} s: is the network up?"),
    ("timed out", "the service is silent for {0.silence:g} s"),
    ("IncompleteRead", "the answer breaks off in the middle"),
    ("Connection reset", "the connection breaks off"),
    ("Connection aborted", "the connection breaks off"),
    ("Connection broken", "the connection breaks off"),
)


def _no_credentials(request: Any) -> Any:
    """Send the request as it is: without this, requests adds what ~/.netrc holds."""
    return request


def _checked(url: str) -> str:
    parts = urlsplit(url.strip())
    try:
        parts.port  # noqa: B018 (raises where it is no number)
    except ValueError as error:
        raise SettingError(f"--url {url}: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(f"--url {url}: give the address of a service, http://... or https://...")
    if parts.username or parts.query or parts.fragment:
        raise SettingError(f"--url {url}: give the base address alone, without ? or # or user name")
    return url.strip().rstrip("/")


def _seconds(retry_after: str) -> float:
    """Read a Retry-After header: seconds, or a date."""
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (ValueError, TypeError):
            return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
