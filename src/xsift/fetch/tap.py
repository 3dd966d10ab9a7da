"""A TAP service (IVOA Table Access Protocol 1.0 and 1.1): an ADQL query becomes a table."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Literal

import pyarrow as pa

from xsift.errors import RowLimitError, ServiceError, TableError
from xsift.fetch.answer import heed, refusal
from xsift.fetch.client import Client, Files, Limits, PassingFault, Reply

__all__ = ["Mode", "Parse", "Tap", "mode"]

Mode = Literal["sync", "async"]
Parse = Callable[[bytes, str], pa.Table]
"""Turns a whole VOTable (its bytes, and where they come from) into a table."""


def mode(sync: bool) -> Mode:
    """Name the mode: sync or async."""
    return "sync" if sync else "async"


_WAITING = ("PENDING", "QUEUED", "EXECUTING", "HELD", "SUSPENDED", "UNKNOWN")


class Tap:
    """A TAP service, asked within limits.

    Parameters
    ----------
    url : str
        Base address; queries go to ``url/sync`` and ``url/async``.
    parse : callable
        See `Parse`.
    limits : Limits, optional
    mode : {"sync", "async"}
        sync: the answer comes in one piece, for short queries. async: the service works on a job
        (UWS), for long ones.
    row_limit : int, optional
        Largest number of rows to ask for. An answer with as many counts as cut off.
    """

    def __init__(
        self,
        url: str,
        parse: Parse,
        limits: Limits | None = None,
        mode: Mode = "sync",
        row_limit: int | None = None,
    ) -> None:
        self.client = Client(url, limits)
        self.url = self.client.url
        self.mode: Mode = mode
        self.row_limit = row_limit
        self._parse = parse

    def query(self, adql: str, upload: tuple[str, bytes] | None = None) -> pa.Table:
        """Ask a query; return the whole answer.

        Parameters
        ----------
        adql : str
        upload : (str, bytes), optional
            Name and VOTable of a table that the query calls ``TAP_UPLOAD.name``.

        Raises
        ------
        RowLimitError
            If the service cut the answer off: ask for less at a time.
        ServiceError
            If it cannot be had; the message says why.
        """
        data = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "votable", "QUERY": adql}
        if self.row_limit is not None:
            data["MAXREC"] = str(self.row_limit)
        files = None
        if upload is not None:
            name, content = upload
            data["UPLOAD"] = f"{name},param:{name}"
            files = {name: (f"{name}.vot", content)}
        if self.mode == "async":
            return self._run_job(data, files)
        return self.client.ask("POST", "sync", self._table, data, files)

    def _table(self, reply: Reply) -> pa.Table:
        content = heed(reply, self.url)
        try:
            table = self._parse(content, self.url)
        except TableError as error:
            said = str(error).removeprefix(f"{self.url}: ")
            raise PassingFault(f"the answer is damaged: {said}") from error
        if self.row_limit is not None and table.num_rows >= self.row_limit:
            raise RowLimitError(f"{self.url}: the answer has {table.num_rows:,} rows, the limit")
        return table

    def _run_job(self, data: dict[str, str], files: Files | None) -> pa.Table:
        job = self.client.ask("POST", "async", self._job_address, data, files)
        try:
            self.client.ask("POST", f"{job}/phase", self._accepted, {"PHASE": "RUN"})
            while (phase := self.client.ask("GET", f"{job}/phase", self._phase)) in _WAITING:
                self.client.wait(self.client.limits.poll)
            if phase == "COMPLETED":
                return self.client.ask("GET", f"{job}/results/result", self._table)
            if phase == "ERROR":
                raise self.client.ask(
                    "GET", f"{job}/error", lambda reply: refusal(reply, self.url), tries=1
                )
            raise ServiceError(f"{self.url}: the service ended the job with phase {phase}")
        finally:
            # The service need not keep what nobody will ask for.
            with contextlib.suppress(ServiceError):
                self.client.ask("DELETE", job, lambda reply: None, tries=1)

    def _job_address(self, reply: Reply) -> str:
        """Take the address of a new job: where the service redirected to."""
        self._accepted(reply)
        address = reply.url.rstrip("/")
        if "/async/" not in address:
            raise refusal(reply, self.url)
        return address

    def _accepted(self, reply: Reply) -> None:
        if reply.status >= 400:
            raise refusal(reply, self.url)

    def _phase(self, reply: Reply) -> str:
        phase = reply.content[:40].decode("ascii", "replace").strip().upper()
        if reply.status >= 400 or phase not in (*_WAITING, "COMPLETED", "ERROR", "ABORTED"):
            raise PassingFault(f"the service gives no phase of its job ({reply.status})")
        return phase
