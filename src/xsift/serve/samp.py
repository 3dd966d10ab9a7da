"""A table to the programs of the same desk (TOPCAT, Aladin, DS9), over SAMP."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException

__all__ = ["send_table"]

_TYPE = "table.load.votable"


def send_table(url: str, name: str) -> dict[str, Any]:
    """Ask all connected programs to load a table from an address on this machine.

    Raises
    ------
    HTTPException
        404 if no SAMP hub runs on this machine.
    """
    from pyvo.samp import SAMPHubError, SAMPIntegratedClient, SAMPProxyError, conf

    about = {"samp.name": "xsift", "samp.description.text": "Classes of X-ray sources"}
    client = SAMPIntegratedClient(metadata=about, callable=False)
    try:
        with conf.set_temp("use_internet", False):
            client.connect()
    except (SAMPHubError, SAMPProxyError, OSError) as error:
        raise HTTPException(
            404, "no SAMP hub runs on this machine: start TOPCAT, then try again"
        ) from error
    try:
        takers = list(client.get_subscribed_clients(_TYPE))
        if takers:
            parameters = {"url": url, "name": name, "table-id": url}
            client.notify_all({"samp.mtype": _TYPE, "samp.params": parameters})
    except (SAMPHubError, SAMPProxyError, OSError) as error:
        raise HTTPException(404, "the SAMP hub of this machine does not answer") from error
    finally:
        client.disconnect()
    n = len(takers)
    detail = f"sent to {n} program{'s'[: n != 1]}" if n else "no running program takes tables"
    return {"sent": n > 0, "clients": n, "detail": detail}
