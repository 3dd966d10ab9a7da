"""The process that reads and classifies one upload, then ends.

It gets its job on standard input. It is started in an empty folder; beside that lie the upload and,
at the end, the answer. On standard output it says one line where something is wrong.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xsift.serve.limits import DRAWN_ROWS, RESULT_BYTES, SHOWN_ROWS, UPLOAD_ROWS, WORKER_BYTES

if TYPE_CHECKING:
    from xsift.model.schema import ModelTree
    from xsift.read import InMemory

__all__ = ["main"]

_FORMS = {"vot": "votable", "fits": "fits", "csv": "csv", "parquet": "parquet"}
# Of unshare(2).
_NEWUSER, _NEWNET = 0x10000000, 0x40000000
_MODEL, _UPLOAD, _RESULT = "../model.asdf", "../upload", "../result"


def main() -> None:
    """Read a job from standard input and do it."""
    job = json.loads(sys.stdin.buffer.read())
    _limit(job["worker_seconds"])
    warnings.simplefilter("ignore")
    _cut_network()
    from xsift.errors import XsiftError
    from xsift.serve.wall import was_refused

    # Under a name of our own: no message can hold the path of the catalogue.
    os.symlink(job["model"], _MODEL)
    try:
        _classify(job)
    except (XsiftError, OSError) as error:
        if was_refused(error):
            _say(f"{job['name']}: reading it opens another file or an address: refused as unsafe")
        elif isinstance(error, XsiftError):
            _say(str(error))
        else:
            raise
    except MemoryError:
        _say(f"{job['name']}: reading it needs more than {WORKER_BYTES // 1024**3} GiB: refused")
    except RecursionError:
        _say(f"{job['name']}: nested too deep: refused")


def _limit(seconds: float) -> None:
    for what, most in (
        (resource.RLIMIT_AS, WORKER_BYTES),
        (resource.RLIMIT_CPU, max(1, int(seconds))),
        (resource.RLIMIT_FSIZE, RESULT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # At the hard limit of its time a process is killed without SIGXCPU, which says why.
        spare = 5 if what == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(what, (most, most + spare))
    # The server ends a worker that takes long. Where the server itself was killed, this does.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, seconds + 5)


def _cut_network() -> bool:
    """Take the network from this process for good, where the system lets us; say whether it did.

    A process that has threads may not: so it comes before the libraries.
    """
    unshare = getattr(ctypes.CDLL(None), "unshare", None)
    # Root needs no user namespace, in which it could not read other users' files.
    return unshare is not None and any(unshare(f) == 0 for f in (_NEWNET, _NEWUSER | _NEWNET))


def _say(line: str) -> None:
    text = " ".join(line.split())
    print("".join(c if c.isprintable() else "?" for c in text))


def _classify(job: dict[str, Any]) -> None:
    from xsift.model.file import load_model_tree
    from xsift.pipeline.classify import classify
    from xsift.settings import Settings
    from xsift.write import finite, write_table

    tree = load_model_tree(_MODEL)
    given, notes = _read(job, tree)
    settings = Settings(source_column=job["source_column"], columns=job["columns"])
    result = classify(given, _MODEL, settings)
    detections, sources = result.detections, result.sources
    assert detections is not None
    if job["form"] != "json":
        table = detections if job["level"] == "detections" else sources
        about = {k: str(v) for k, v in result.record["about"].items()}
        write_table(table, Path(_RESULT), _FORMS[job["form"]], about)
        return
    called = {actual: name for name, actual in result.record.get("columns", {}).items()}
    said = {
        **_understood(given.table, detections, tree, job["source_column"], called),
        "n_detections": detections.num_rows,
        "n_sources": sources.num_rows,
        "warnings": [*notes, *result.record["warnings"]],
        "summary": dict(Counter(g or "none" for g in sources["group"].to_pylist())),
        "counts": result.record["counts"],
        "drawn": _drawn(detections, tree),
        "truncated": max(detections.num_rows, sources.num_rows) > SHOWN_ROWS,
        "detections": detections.slice(0, SHOWN_ROWS).to_pylist(),
        "sources": sources.slice(0, SHOWN_ROWS).to_pylist(),
    }
    text = json.dumps(finite(said), ensure_ascii=False, allow_nan=False)
    Path(_RESULT).write_text(text, "utf-8", "replace")


def _drawn(detections: Any, tree: Any) -> dict[str, list[float | None]]:
    """Return what the maps draw of the detections, column by column: positions and features."""
    import numpy as np

    names = [n for n in ("ra", "dec", *tree.features) if n in detections.column_names]
    first = detections.slice(0, DRAWN_ROWS)
    out = {}
    for name in names:
        values = first[name].to_numpy().astype(float)
        digits = "{:.8g}" if name in ("ra", "dec") else "{:.5g}"
        out[name] = [float(digits.format(v)) if np.isfinite(v) else None for v in values]
    return out


def _read(job: dict[str, Any], tree: ModelTree) -> tuple[InMemory, list[str]]:
    """Read the upload behind the wall; return it, and what the reader warns of."""
    from xsift import read
    from xsift.errors import TableError, XsiftWarning
    from xsift.read.source import source_of
    from xsift.serve.wall import prepare, wall

    raw = Path(_UPLOAD).read_bytes()
    wanted = read.wanted_columns(tree.survey_profile, job["source_column"])
    wanted += job["columns"].values()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", XsiftWarning)
        with wall(job["read_seconds"]):
            source = source_of(job["name"], raw)
        prepare(source.format)
        with wall(job["read_seconds"]):
            # Of several tables the wanted columns choose one; Parquet holds one.
            table, _ = read.read_table(source, None if source.format == "parquet" else wanted)
    if table.num_rows > UPLOAD_ROWS:
        raise TableError(
            f"{job['name']}: {table.num_rows:,} rows: at most {UPLOAD_ROWS:,} are classified here; "
            "use xsift classify"
        )
    notes = [str(w.message) for w in caught if issubclass(w.category, XsiftWarning)]
    return read.InMemory(table, source), notes


def _understood(
    given: Any, detections: Any, tree: Any, source_column: str, called: dict[str, str]
) -> dict[str, Any]:
    """Say which columns served as what, which features none gave, which were not used.

    `called` gives the survey's names of columns that go by another name in the file.
    """
    from xsift.surveys.columns import describe

    survey = tree.survey_profile
    features = survey.feature_set(tree.feature_set, tree.features)
    wanted = {c.name for c in survey.columns} | {"name", source_column.casefold()}
    used, ignored = [], []
    for field in given.schema:
        plain = called.get(field.name, field.name.strip().casefold())
        # Where another column serves as it, what is called so does not.
        is_replaced = field.name not in called and plain in called.values()
        if plain not in wanted or is_replaced:
            ignored.append(field.name)
            continue
        is_source = field.name == source_column or plain == source_column.casefold()
        used.append(
            {
                "column": field.name,
                "used_as": "name" if is_source else plain,
                "unit": describe(field).unit,
                "n_missing": given[field.name].null_count,
            }
        )
    missing = [
        f.name
        for f in features
        if f.name in detections.column_names
        and detections[f.name].null_count == detections.num_rows
    ]
    return {"understood": used, "missing": missing, "ignored": ignored}
