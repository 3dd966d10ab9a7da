"""Matching detections to known objects on the sky, against astropy's match_to_catalog_sky.

Positions over the whole sky, half of the detections within an arcsecond of a known object; some at
the poles, at right ascension 0, twice the same, and missing. One thread, peers in turns in one
process, peak memory of each in its own.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.measure import Failed, Result, interleaved, megabytes, output_of, run_job, seconds

RADIUS_ARCSEC = 1.0
ALLOWED_ARCSEC = 1e-6
PEERS = {
    "xsift": "xsift nearest_on_sky",
    "sorted": "the same, detections in the order of ra",
    "astropy": "astropy match_to_catalog_sky",
    "whole": "xsift match_known: tables in, labels out",
}


def run(smoke: bool) -> Result:
    """Time the peers in one process, then take the peak memory of each in its own."""
    n, m, rounds = (20_000, 2_000, 3) if smoke else (1_000_000, 100_000, 5)
    timed = output_of(run_job("benchmarks.crossmatch", "time", n, m, rounds, threads=1))
    empty = run_job("benchmarks.crossmatch", "peak", n, m, "nothing", threads=1).peak
    result = Result(
        f"Crossmatch: {n:,} detections, {m:,} known objects, {RADIUS_ARCSEC:g} arcsec, one thread",
        ["peer", "CPU time", "ns per detection", "time ratio", "peak memory above the data"],
        figures={"n": n, "m": m, "rounds": rounds, **timed["agreement"], "peers": {}},
    )
    for key, title in PEERS.items():
        cpu = timed["cpu"][key]
        extra = run_job("benchmarks.crossmatch", "peak", n, m, key, threads=1).peak - empty
        ratio = cpu / timed["cpu"]["xsift"]
        result.rows.append(
            [title, seconds(cpu), f"{cpu / n * 1e9:,.0f}", f"{ratio:,.1f}", megabytes(extra)]
        )
        result.figures["peers"][key] = {"cpu_s": cpu, "ratio": ratio, "extra_bytes": extra}
    agreement = timed["agreement"]
    result.notes.append(
        f"{agreement['matched']:,} matched; {agreement['different']} matched otherwise by astropy; "
        f"largest difference of a separation: {agreement['difference_arcsec']:.1e} arcsec"
    )
    if agreement["different"] or not agreement["difference_arcsec"] <= ALLOWED_ARCSEC:
        raise Failed(result.notes[-1])
    return result


def _time(n: int, m: int, rounds: int) -> dict[str, Any]:
    """Return the CPU seconds of each peer, and how the matches agree."""
    import numpy as np

    peers = _peers(n, m)
    index, separation = peers["xsift"]()
    _, distance = peers["astropy"]()
    # astropy knows no radius; and within rounding of it either answer is right.
    is_match = distance <= RADIUS_ARCSEC
    sure = np.abs(distance - RADIUS_ARCSEC) > ALLOWED_ARCSEC
    both = (index >= 0) & is_match
    different = sure & ((index >= 0) != is_match)
    # Of known objects at one place either may be named.
    closer = both & (np.abs(separation - distance) > ALLOWED_ARCSEC)
    return {
        "cpu": interleaved({key: peers[key] for key in PEERS}, rounds),
        "agreement": {
            "matched": int((index >= 0).sum()),
            "different": int((different | closer).sum()),
            "difference_arcsec": float(np.abs(separation - distance)[both].max()),
        },
    }


def _sky(n: int, rng: Any) -> Any:
    import numpy as np

    return rng.uniform(0, 360, n), np.degrees(np.arcsin(rng.uniform(-1, 1, n)))


def _peers(n: int, m: int) -> dict[str, Any]:
    """Make the data and return the peers as calls without arguments."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from astropy import units as u
    from astropy.coordinates import SkyCoord

    from xsift.label import match_known
    from xsift.label.match import nearest_on_sky

    rng = np.random.default_rng(42)
    known = np.array(_sky(m, rng))
    known[:, :4] = [[0, 360, 10, 20], [0, 1, 90, -90]]
    known[:, 10:20] = known[:, 20:30]  # duplicates
    ours = np.array(_sky(n, rng))
    near = rng.integers(0, m, n // 2)
    ours[:, ::2] = known[:, near]
    ours[1, ::2] += rng.normal(0, 0.4 / 3600, n // 2)
    ours[:, :6] = [[359.9999, 1e-5, 0, 190, 200, 20], [0, 1, 0, 90, 89.9999, -89.9999]]
    ours[1] = np.clip(ours[1], -90, 90)
    missing = ours.copy()
    missing[:, -100:] = np.nan
    ordered = missing[:, np.argsort(missing[0], kind="stable")]
    tables = [
        pa.table(
            {
                "name": pc.cast(pa.array(np.arange(at.shape[1])), pa.string()),
                "ra": at[0],
                "dec": at[1],
            }
        )
        for at in (missing, known)
    ]
    labelled = tables[1].append_column("label", pa.array(["QSO", "HXB"] * (m // 2)))

    def astropy() -> tuple[Any, Any]:
        # It refuses missing positions: what is missing here is left out, and matches nothing.
        here = np.isfinite(missing[0])
        first = SkyCoord(*missing[:, here], unit="deg")
        nearest, distance, _ = first.match_to_catalog_sky(SkyCoord(*known, unit="deg"))
        index, separation = np.full(n, -1), np.full(n, np.inf)
        index[here], separation[here] = nearest, distance.to_value(u.arcsec)
        return index, separation

    return {
        "xsift": lambda: nearest_on_sky(*missing, *known, RADIUS_ARCSEC),
        "sorted": lambda: nearest_on_sky(*ordered, *known, RADIUS_ARCSEC),
        "astropy": astropy,
        "whole": lambda: match_known(tables[0], labelled, "sky", RADIUS_ARCSEC),
        "nothing": lambda: None,
    }


if __name__ == "__main__":
    job, size, objects, last = sys.argv[1:]
    if job == "time":
        print(json.dumps(_time(int(size), int(objects), int(last))))
    else:
        _peers(int(size), int(objects))[last]()
