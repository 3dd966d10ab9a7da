"""What xsift gives on the tables at hand: every number of ours on the page, computed here."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy.coordinates import SkyCoord
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score

from xsift import Catalogue, Settings, XsiftWarning, run, surveys, vote_table
from xsift.classes import PAPER_CLASSES
from xsift.features import FeatureTable, PaperScaler, derive
from xsift.mixture import GaussianMixture, Mixture
from xsift.pipeline.scan import scan_k
from xsift.read import read_detections

Rows = dict[str, list[float]]
CODES = PAPER_CLASSES.codes
GROUPS = PAPER_CLASSES.groups
GROUP_OF = {c.code: c.group for c in PAPER_CLASSES.classes} | {"none": "none"}
MEDIANS = (
    "hard_hm hard_hs hard_ms powlaw_gamma bb_kt var_prob_b var_prob_h var_prob_s var_ratio_b"
).split()


class Tables:
    """The tables beside the clone, and what xsift makes of them, each once."""

    def __init__(self, folder: Path, step: Callable[[str], None]) -> None:
        self.folder = folder
        self.step = step

    def path(self, name: str) -> Path:
        return self.folder / name

    @cached_property
    def voted(self) -> Catalogue:
        """The published detections, voted on anew."""
        self.step("voting over the published detections")
        return vote_table(self.path("paper_detection_level.csv.gz"))

    @cached_property
    def query(self) -> Catalogue:
        """The part of the published query that is at hand, by the published method."""
        self.step("classifying csc20_query.vot")
        known, settings = self.path("csc20_labels.csv"), Settings(method="paper")
        return quietly(run, self.path("csc20_query.vot"), known, settings)

    @cached_property
    def own(self) -> Catalogue:
        """All detections of CSC 2.0 that are at hand, by the published method."""
        self.step("classifying csc20_detections.parquet")
        settings = Settings(method="paper", label_column="label10_best", features="all")
        return quietly(run, self.path("csc20_detections.parquet"), None, settings)

    @cached_property
    def published(self) -> dict[str, Any]:
        return json.loads(self.path("paper_gmm.json").read_text("utf-8"))

    @cached_property
    def features(self) -> FeatureTable:
        """The twelve features of csc20_detections.parquet."""
        survey = surveys.load("csc20")
        chosen = survey.feature_set("all")
        path = self.path("csc20_detections.parquet")
        return derive(read_detections(path, survey, chosen).table, survey, chosen)

    @cached_property
    def scaled(self) -> np.ndarray:
        """All rows, scaled with the published constants; NaN where a feature is missing."""
        features = self.features
        how = [f.scaling for f in surveys.load("csc20").feature_set("all")]
        scaler = PaperScaler(how).fit(features.X[features.complete])
        for j, name in enumerate(features.names):
            constants = self.published["normalisation"].get(name, {})
            if "log_min" in constants:
                scaler.offset_[j] = constants["eps"]
                scaler.low_[j], scaler.high_[j] = constants["log_min"], constants["log_max"]
            elif constants:
                scaler.low_[j], scaler.high_[j] = constants["min"], constants["max"]
        Z = np.full(features.X.shape, np.nan)
        Z[features.complete] = scaler.transform(features.X[features.complete])
        return Z

    def beside(self, *columns: str) -> list[np.ndarray]:
        """Columns of csc20_detections.parquet as they are."""
        table = pq.read_table(self.path("csc20_detections.parquet"), columns=list(columns))
        return [np.array(table[c].to_pylist(), dtype=object) for c in columns]


def quietly(job: Callable[..., Any], *args: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", XsiftWarning)  # they stand in the record, too
        return job(*args)


def rows(tables: Tables) -> dict[str, Rows]:
    """Count what is left at each stage."""
    found = {}
    names = {"csc20_query.vot": tables.query, "csc20_detections.parquet": tables.own}
    for name, result in names.items():
        counts = result.record["counts"]
        is_complete = np.array(result.detections["n_missing"].to_pylist()) == 0
        source = np.array(result.detections["name"].to_pylist(), dtype=object)
        numbers = (
            counts["detections"],
            counts["complete"],
            counts["complete"] / counts["detections"],
            len(set(source[is_complete])),
            counts["trained"],
            counts["voting"],
            counts["sources"],
        )
        labels = (
            "detections in the table",
            "with all twelve features",
            "share with all twelve",
            "sources among these",
            "labelled, of the ten classes",
            "classified",
            "sources of these",
        )
        found[name] = {k: [float(v)] for k, v in zip(labels, numbers, strict=True)}
    return found


def missing(tables: Tables) -> dict[str, Rows]:
    """Share of the query's rows that lack a feature."""
    survey = surveys.load("csc20")
    chosen = survey.feature_set("all")
    table = read_detections(tables.path("csc20_query.vot"), survey, chosen).table
    lacking = np.isnan(derive(table, survey, chosen).X).mean(axis=0)
    names = [f.name for f in chosen]
    return {"csc20_query.vot": {n: [100 * s] for n, s in zip(names, lacking, strict=True)}}


def vote(tables: Tables) -> dict[str, Rows]:
    """Count the sources of the published detections, and of our own catalogue."""
    return {
        "the same detections": _votes(tables.voted.sources),
        "csc20_detections.parquet": _votes(tables.own.sources),
    }


def _votes(sources: pa.Table) -> Rows:
    n, top, unique = _basics(sources)
    soft, hard = sources["class_soft"].to_pylist(), sources["class_hard"].to_pylist()
    split = [(s, h) for s, h in zip(soft, hard, strict=True) if s != h]
    merged = {"Seyfert": "AGN"}
    pairs = [(GROUP_OF[s], GROUP_OF[h]) for s, h in split]
    numbers = {
        "sources": len(n),
        "unique": unique.sum(),
        "ambiguous": (~unique).sum(),
        "with one detection": (n == 1).sum(),
        "with two": (n == 2).sum(),
        "with 3 to 10": ((n > 2) & (n <= 10)).sum(),
        "with more than 10": (n > 10).sum(),
        "most detections of a source": n.max(),
        "of those with several, unique": (unique & (n > 1)).sum(),
        "ambiguous that agree on the group": sum(a == b for a, b in pairs),
        "ambiguous that agree, AGN with Seyfert": sum(
            merged.get(a, a) == merged.get(b, b) for a, b in pairs
        ),
    }
    for bound in (0.5, 0.7, 0.9):
        numbers[f"unique with p > {bound}"] = (unique & (top > bound)).sum()
    return {k: [float(v)] for k, v in numbers.items()}


def _basics(sources: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return number of detections, probability of the class rounded as published, and unique."""
    n = sources["n_detections"].to_numpy()
    p = np.column_stack([sources[c].to_numpy() for c in PAPER_CLASSES.columns])
    unique = np.array(sources["status"].to_pylist()) == "unique"
    return n, p.max(axis=1).round(3), unique


def classes(tables: Tables) -> dict[str, Rows]:
    """Count by class, with the probability of the class."""
    return {
        "the same detections": _by_class(tables.voted.sources),
        "csc20_detections.parquet": _by_class(tables.own.sources),
    }


def _by_class(sources: pa.Table) -> Rows:
    _, top, unique = _basics(sources)
    soft, hard = (np.array(sources[c].to_pylist()) for c in ("class_soft", "class_hard"))
    out = {}
    for code in CODES:
        mine = unique & (soft == code)
        counted = [mine.sum(), (~unique & (soft == code)).sum(), (~unique & (hard == code)).sum()]
        out[code] = [*map(float, counted), median(top[mine]), mean(top[mine] > 0.7)]
    return out


def medians(tables: Tables) -> dict[str, Rows]:
    """Medians of the raw features and places on the sky, by group and class."""
    own = tables.own.sources
    return {"csc20_detections.parquet": _medians({c: own[c].to_pylist() for c in own.column_names})}


def published_medians(tables: Tables) -> Rows:
    """The same of the published table of unique sources: are the paper's numbers its own?"""
    from astropy.table import Table

    from xsift.classes import code_of

    table = Table.read(tables.path("paper_uniquely_classified.csv"), format="ascii.csv")
    columns = {c: list(table[c]) for c in [*MEDIANS, "ra", "dec"]}
    columns["class"] = [code_of(str(c)) for c in table["master_class"]]
    columns["group"] = [GROUP_OF[c] for c in columns["class"]]
    return _medians(columns | {"status": ["unique"] * len(table)})


def _medians(columns: dict[str, list[Any]]) -> Rows:
    unique = np.array(columns["status"]) == "unique"
    kind = {k: np.array(columns[k], dtype=object) for k in ("group", "class")}
    X = np.array([columns[c] for c in MEDIANS], dtype=float).T
    # Some rows of the gathered table have no position.
    ra, dec = (np.array(columns[c], dtype=float) for c in ("ra", "dec"))
    placed = np.isfinite(ra) & np.isfinite(dec)
    b = np.full(len(ra), np.nan)
    b[placed] = np.abs(SkyCoord(ra[placed], dec[placed], unit="deg").galactic.b.deg)
    out = {}
    named = [(f"{g}_group", unique & (kind["group"] == g)) for g in GROUPS]
    for label, mine in [*named, *((c, unique & (kind["class"] == c)) for c in CODES)]:
        low = [100 * mean(b[mine & placed] < edge) for edge in (5, 10)]
        variable = 100 * mean(X[mine, MEDIANS.index("var_prob_b")] > 0.9)
        out[label] = [float(mine.sum()), *map(median, X[mine].T), *low, variable]
    return out


def clusters(tables: Tables) -> dict[str, Rows]:
    """Fit six clusters to the complete rows, and name each after the published one it is like."""
    complete = tables.features.complete
    tables.step("fitting six clusters")
    model = quietly(GaussianMixture(6, random_state=42).fit, tables.scaled[complete])
    published = np.array(tables.published["means_"])
    spread = tables.scaled[complete].std(axis=0)
    distance = ((published[:, None] - model.means_[None]) / spread) ** 2
    _, match = linear_sum_assignment(distance.sum(axis=2))
    return {
        "csc20_detections.parquet": {
            str(k): [float(model.weights_[m]), *map(float, model.means_[m])]
            for k, m in enumerate(match)
        }
    }


def agreement(tables: Tables) -> dict[str, float]:
    """Count the detections that the published mixture puts into the published cluster."""
    keys = ("weights_", "means_", "covariances_")
    mixture = Mixture(*(np.array(tables.published[k]) for k in keys))
    cluster, precision = tables.beside("paper_cluster", "feature_precision")
    full = np.array([str(p).startswith("full") for p in precision])
    known = np.array([c is not None and not np.isnan(c) for c in cluster])
    picked = np.flatnonzero(tables.features.complete & known & full)
    paper = cluster[picked].astype(int)
    of_all = mixture.predict(tables.scaled[tables.features.complete])
    fitted = GaussianMixture(6, random_state=42)
    ours = quietly(fitted.fit_predict, tables.scaled[tables.features.complete])
    return {
        "compared": float(len(picked)),
        "same": float((mixture.predict(tables.scaled[picked]) == paper).sum()),
        "rand": float(adjusted_rand_score(of_all, ours)),
    }


def scan(tables: Tables) -> dict[str, Rows]:
    """Scan K = 1 to 10, three starts each: what each K gains in BIC, per detection."""
    tables.step("scanning K = 1 to 10")
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(method="paper", features="all")
        found = quietly(scan_k, tables.path("csc20_detections.parquet"), folder, 10, 3, settings)
    bic, silhouette = (
        {k: np.mean([getattr(f, what) for f in found.fits if f.k == k]) for k in range(2, 11)}
        for what in ("bic", "silhouette")
    )
    values = {str(k): [float(bic[k]), float(silhouette[k])] for k in bic}
    return {"csc20_detections.parquet": gains(values, found.n_rows)}


def gains(values: Rows, n: int) -> Rows:
    """Return what each K gains over the one before, per detection, beside the silhouette.

    BIC itself depends on the number of detections and on the units of the features.
    """
    out = {}
    for before, k in zip([*values][:-1], [*values][1:], strict=True):
        out[k] = [(values[before][0] - values[k][0]) / n, values[k][1]]
    return out


def catalogues(tables: Tables) -> dict[str, float]:
    """Count how often our own catalogue says of a detection what the published one says."""
    from xsift.classes import code_of

    (said,) = tables.beside("paper_class")
    role = np.array(tables.own.detections["role"].to_pylist())
    ours = np.array(tables.own.detections["class"].to_pylist(), dtype=object)
    both = np.array([s is not None for s in said]) & (role == "scored")
    paper = np.array([code_of(s) for s in said[both]])
    group = [np.array([GROUP_OF[c] for c in x]) for x in (paper, ours[both])]
    return {
        "n": float(both.sum()),
        "class": mean(paper == ours[both]),
        "group": mean(group[0] == group[1]),
    }


def compared(tables: Tables) -> dict[str, Rows]:
    """Compare the published unique sources with the classes of Yang et al. that are at hand."""
    types = {"AGN": "AGN", "YSO": "YSO", "HMXB": "XB", "LMXB": "XB"}
    of_source: dict[str, str] = {}
    for name, kind in zip(*tables.beside("name", "muwclass_class"), strict=True):
        if kind is not None:
            of_source.setdefault(name, kind)
    sources = tables.voted.sources
    names, status, group = (sources[c].to_pylist() for c in ("name", "status", "group"))
    met = [
        (of_source[n], {"Seyfert": "AGN"}.get(g, g))
        for n, s, g in zip(names, status, group, strict=True)
        if s == "unique" and n in of_source
    ]
    known = [(types[t], g) for t, g in met if t in types]
    recall = {g: mean(np.array([v == t for t, v in known if t == g])) for g in ("AGN", "XB", "YSO")}
    return {
        "labels at hand": {
            "matched": [float(len(met))],
            "of the three groups": [float(len(known))],
            "recall AGN and Seyfert": [recall["AGN"]],
            "recall XB": [recall["XB"]],
            "recall YSO": [recall["YSO"]],
        }
    }


def median(values: Sequence[float] | np.ndarray) -> float:
    return float(np.nanmedian(values)) if len(values) else float("nan")


def mean(values: Sequence[bool] | np.ndarray) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
