"""The detections that a scan fits: complete ones, scaled; of a large table in a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xsift import surveys, write
from xsift.errors import TableError
from xsift.features import FeatureTable, PaperScaler
from xsift.mixture import ParquetBlocks
from xsift.model.look import look_at
from xsift.model.sample import Sample, read_sample
from xsift.pipeline.first_look import Way, heed_look, quiet
from xsift.read import Look, parts_of
from xsift.read.parts import ROWS, goes_in_parts
from xsift.settings import Settings
from xsift.surveys import Feature

__all__ = ["Scaled", "scaled"]


class Scaled(NamedTuple):
    """Complete detections, scaled as the paper does.

    Attributes
    ----------
    rows : ndarray of shape (n, d), or ParquetBlocks
    n_rows : int
    names : tuple of str
        Of the features.
    sha256 : str
        Of the values.
    """

    rows: np.ndarray | ParquetBlocks
    n_rows: int
    names: tuple[str, ...]
    sha256: str

    def fingerprint(self, seed: int, restarts: int, device: str) -> str:
        """Return a digest of the detections and of how they are fitted, and on which device."""
        version = write.environment()["xsift"]
        said = [self.sha256, [self.n_rows, len(self.names)], seed, restarts, version]
        said += [device] if device != "cpu" else []
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


def scaled(table: str | Path, settings: Settings, folder: Path, rows: int = ROWS) -> Scaled:
    """Read a table, and scale the features of its complete detections.

    In memory the detections are sorted by their keys. A large table is read part by part, and its
    detections stay in their order.

    Parameters
    ----------
    table : str or Path
        A file; or a folder, a pattern or a HATS catalogue of Parquet files.
    settings : Settings
    folder : Path
        For the file of a large table.
    rows : int
        Of a part.

    Raises
    ------
    TableError
        If the table cannot serve.
    """
    survey, feature_set = surveys.survey_of(settings.survey, settings.features)
    chosen = survey.feature_set(feature_set)
    if goes_in_parts(table):
        parts = parts_of(table, rows)
        if not parts.is_whole:
            return _in_parts(Way(parts, settings, survey, chosen, True), feature_set, folder)
        ((part, read),) = parts.read()
        if isinstance(read, TableError):
            raise read
        with parts.located(part):
            sample = read_sample(read, survey, chosen, settings, need_all=True)
    else:
        sample = read_sample(table, survey, chosen, settings, need_all=True)
    return _in_memory(sample, feature_set, chosen)


def _in_memory(sample: Sample, feature_set: str, chosen: tuple[Feature, ...]) -> Scaled:
    features = sample.features
    order = sample.in_order(features.complete)
    if not len(order):
        raise _nothing_complete(sample.path, features.empty, feature_set)
    scaler = PaperScaler(tuple(f.scaling for f in chosen))
    Z = scaler.fit_transform(features.X[order])
    return Scaled(Z, len(Z), features.names, hashlib.sha256(Z.tobytes()).hexdigest())


def _in_parts(way: Way, feature_set: str, folder: Path) -> Scaled:
    """Write the complete detections into a file, and then, as its extremes are known, scaled."""
    parts, look = way.parts, Look()
    for part, table in parts.read(way.columns):
        look = look + look_at(way.sample(part, table, Look()))
    heed_look(way, look)
    names = tuple(feature.name for feature in way.features)
    extremes = np.full((3, len(names)), np.nan)
    n_rows, has_value = 0, np.zeros(len(names), dtype=bool)
    with _writing(folder / "complete.parquet", names) as write_rows:
        for part, table in parts.read(way.columns):
            with quiet():
                features = way.sample(part, table, look).features
            X = features.X[features.complete]
            extremes = _extremes(np.concatenate([extremes, X]))
            has_value |= _has_value(features)
            n_rows += len(X)
            write_rows(X)
    if not n_rows:
        empty = [name for name, has in zip(names, has_value, strict=True) if not has]
        raise _nothing_complete(parts.path, empty, feature_set)
    # Its constants are those of the smallest, the largest and the smallest positive values.
    scaling = PaperScaler(tuple(f.scaling for f in way.features)).fit(extremes).constants()
    digest = hashlib.sha256()
    with _writing(folder / "scaled.parquet", names) as write_rows:
        for X in ParquetBlocks(folder / "complete.parquet")():
            assert isinstance(X, np.ndarray)
            Z = scaling.transform(X)
            digest.update(Z.tobytes())
            write_rows(Z)
    (folder / "complete.parquet").unlink()
    return Scaled(ParquetBlocks(folder / "scaled.parquet"), n_rows, names, digest.hexdigest())


def _extremes(X: np.ndarray) -> np.ndarray:
    """Return the smallest, the largest and the smallest positive value of each feature."""
    found = np.full((3, X.shape[1]), np.nan)
    for j, x in enumerate(X.T):
        for row, (some, choose) in enumerate(((x, np.min), (x, np.max), (x[x > 0], np.min))):
            if len(there := some[~np.isnan(some)]):
                found[row, j] = choose(there)
    return found


def _has_value(features: FeatureTable) -> np.ndarray:
    return np.array([name not in features.empty for name in features.names])


_Write = Callable[[np.ndarray], None]


@contextmanager
def _writing(path: Path, names: tuple[str, ...]) -> Iterator[_Write]:
    """Open a Parquet file of numbers; yields what writes rows."""
    schema = pa.schema([(name, pa.float64()) for name in names])
    with (
        open(path, "wb") as file,
        # Of measured numbers, hardly two are alike: a dictionary of them would cost, not save.
        pq.ParquetWriter(file, schema, compression="none", use_dictionary=False) as writer,
    ):
        yield lambda X: writer.write_table(pa.table(list(X.T), schema=schema))


def _nothing_complete(where: str, empty: Sequence[str], feature_set: str) -> TableError:
    lacks = f"has a value of {', '.join(empty)}" if empty else "has all"
    return TableError(
        f"{where}: no detection {lacks}, and a scan takes only detections with all features "
        f"of {feature_set}: --features may name another set"
    )
