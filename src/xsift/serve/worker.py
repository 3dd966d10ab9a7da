"""The process that reads and classifies one upload, then ends.

It gets its job on standard input, works in the folder that it was started in, and writes the
answer there. On standard output it says one line where something is wrong.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from xsift.serve.limits import SHOWN_ROWS, UPLOAD_ROWS, WORKER_BYTES, WORKER_SECONDS

__all__ = ["main"]

_FORMS = {"vot": "votable", "fits": "fits", "csv": "csv", "parquet": "parquet"}
_MODEL = "../model.asdf"


def main() -> None:
    """Do the job of standard input."""
    job = json.loads(sys.stdin.read())
    _limit()
    warnings.simplefilter("ignore")
    # Under a name of our own: no message can hold the path of the catalogue.
    os.symlink(job["model"], _MODEL)
    from xsift.errors import XsiftError

    try:
        _classify(job)
    except XsiftError as error:
        _say(str(error).replace("--source-column", "source_column"))
    except MemoryError:
        _say(f"{job['name']}: reading it needs more than {WORKER_BYTES // 1024**3} GiB: refused")
    except RecursionError:
        _say(f"{job['name']}: nested too deep: refused")


def _limit() -> None:
    for what, most in (
        (resource.RLIMIT_AS, WORKER_BYTES),
        (resource.RLIMIT_CPU, WORKER_SECONDS),
        (resource.RLIMIT_FSIZE, WORKER_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        # At the hard limit of its time a process is killed without SIGXCPU, which says why.
        spare = 5 if what == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else 0
        resource.setrlimit(what, (most, most + spare))


def _say(line: str) -> None:
    text = " ".join(line.split())
    print("".join(c if c.isprintable() else "?" for c in text))


def _classify(job: dict[str, Any]) -> None:
    from xsift.errors import TableError
    from xsift.read import read_table

    given, _ = read_table(job["name"])
    if given.num_rows > UPLOAD_ROWS:
        raise TableError(
            f"{job['name']}: {given.num_rows:,} rows: at most {UPLOAD_ROWS:,} are classified here; "
            "use xsift classify"
        )
    # Only now: what is no table is refused at once.
    from xsift import pipeline
    from xsift.settings import Settings
    from xsift.write import finite, load_model_tree, write_table

    result = pipeline.classify(job["name"], _MODEL, Settings(source_column=job["source_column"]))
    if job["form"] != "json":
        table = result.detections if job["level"] == "detections" else result.sources
        about = {k: str(v) for k, v in result.record["about"].items()}
        write_table(table, Path(job["result"]), _FORMS[job["form"]], about)
        return
    tree = load_model_tree(_MODEL)
    detections, sources = result.detections, result.sources
    assert detections is not None
    said = {
        **_understood(given, detections, tree, job["source_column"]),
        "n_detections": detections.num_rows,
        "n_sources": sources.num_rows,
        "warnings": result.record["warnings"],
        "summary": dict(Counter(g or "none" for g in sources["group"].to_pylist())),
        "counts": result.record["counts"],
        "truncated": max(detections.num_rows, sources.num_rows) > SHOWN_ROWS,
        "detections": detections.slice(0, SHOWN_ROWS).to_pylist(),
        "sources": sources.slice(0, SHOWN_ROWS).to_pylist(),
    }
    text = json.dumps(finite(said), ensure_ascii=False, allow_nan=False)
    Path(job["result"]).write_text(text, "utf-8", "replace")


def _understood(given: Any, detections: Any, tree: Any, source_column: str) -> dict[str, Any]:
    """Say which columns served as what, which features none gave, which were not used."""
    from xsift import surveys
    from xsift.columns import describe

    survey = surveys.load(tree.survey)
    features = survey.feature_set(tree.feature_set, tree.features)
    wanted = {c.name for c in survey.columns} | {"name", source_column.casefold()}
    used, ignored = [], []
    for field in given.schema:
        plain = field.name.strip().casefold()
        if plain not in wanted:
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


if __name__ == "__main__":
    main()
