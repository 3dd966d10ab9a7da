"""An archive of our own: the five CSC tables that the paper's query joins, and SIMBAD's `basic`.

* schema ``csc2``: real rows of CSC 2.0. What the query returned (``csc20_query.vot``), and real
  detections that its cuts drop. Made up: stack identifiers; ``obi`` and ``flux_significance_b``
  where the files have none; ``ks_prob_*`` and ``kp_prob_*`` are null.
* schema ``csc21``: 37,878 simulated detections, as many as the paper's; 1,500 that the cuts drop.
* schema ``shipped``: a table for each survey that VizieR serves, its columns called as there.
* ``basic`` and ``otypedef`` (schema ``public``, so unqualified): the known objects of both.

A third of the observations belong to two stacks, so that only DISTINCT gives each detection once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from xsift import surveys
from xsift.classes import code_of
from xsift.simulate import simulate

sys.path.append(str(Path(__file__).parents[1] / "fetch"))
from loopback import sources

N_SIMULATED = 37_878
BANDS = "bhms"
MASTER = ("name", "ra", "dec", "significance", "likelihood")
KEY = ("obsid", "obi", "region_id")
MEASURED = (
    "theta src_area_b flux_aper_b flux_significance_b hard_hm hard_hs hard_ms powlaw_gamma "
    "powlaw_gamma_lolim powlaw_gamma_hilim bb_kt bb_kt_lolim bb_kt_hilim src_cnts_aper_b "
    "hard_hm_lolim hard_hm_hilim hard_hs_lolim hard_hs_hilim hard_ms_lolim hard_ms_hilim "
    "flux_aper_lolim_b flux_aper_hilim_b "
    "gti_start gti_stop gti_elapse"
).split() + [
    f"{what}_{band}"
    for what in "var_prob var_sigma var_mean var_min var_max ks_prob kp_prob".split()
    for band in BANDS
]
STACK = ("detect_stack_id", "region_id")
INDEXES = {
    "master_source": ["name"],
    "master_stack_assoc": ["name", "detect_stack_id,region_id"],
    "observation_source": ["obsid,obi,region_id"],
    "stack_observation_assoc": ["obsid,obi,region_id", "detect_stack_id,region_id"],
    "stack_source": ["detect_stack_id,region_id"],
    "basic": ["oid"],
    "otypedef": ["otype"],
}
PATHS = {  # of the types that occur: description, path in SIMBAD's hierarchy
    "QSO": ("Quasar", "G > AGN > QSO"),
    "AGN": ("Active Galaxy Nucleus", "G > AGN"),
    "SyG": ("Seyfert Galaxy", "G > AGN > SyG"),
    "Sy1": ("Seyfert 1 Galaxy", "G > AGN > SyG > Sy1"),
    "Sy2": ("Seyfert 2 Galaxy", "G > AGN > SyG > Sy2"),
    "HXB": ("High Mass X-ray Binary", "* > ** > XB* > HXB"),
    "LXB": ("Low Mass X-ray Binary", "* > ** > XB* > LXB"),
    "XB*": ("X-ray Binary", "* > ** > XB*"),
    "Y*O": ("Young Stellar Object", "* > Y*O"),
    "TT*": ("T Tauri Star", "* > Y*O > TT*"),
    "Or*": ("Orion Variable", "* > Y*O > Or*"),
}


class Tables(NamedTuple):
    """The tables of a schema, by name, and the rows that the paper's query finds in them."""

    tables: dict[str, pa.Table]
    expected: pa.Table


def simulated() -> Tables:
    """Make the schema of 37,878 simulated detections."""
    rows = simulate(24_000, seed=20).detections
    assert rows.num_rows >= N_SIMULATED
    rows = rows.slice(0, N_SIMULATED)
    rng = np.random.default_rng(20)
    rows = rows.append_column("flux_significance_b", pa.array(rng.uniform(5.01, 60, len(rows))))
    for column, values in (("significance", 10.0), ("likelihood", 100.0)):
        rows = rows.append_column(column, pa.repeat(values, len(rows)))
    dropped = rows.slice(0, 1500)
    dropped = _with(dropped, "obsid", pc.add(dropped["obsid"], 30_000))
    which = np.arange(len(dropped)) % 3
    for k, (column, value) in enumerate(
        [("flux_significance_b", 5.0), ("powlaw_gamma", None), ("bb_kt", None)]
    ):
        changed = pc.if_else(pa.array(which == k), pa.scalar(value, pa.float64()), dropped[column])
        dropped = _with(dropped, column, changed)
    return _schema(pa.concat_tables([rows, dropped]), rows)


def real(query: Path, detections: Path) -> Tables:
    """Make the schema of real rows: `query` has what passes the cuts, `detections` what does not.

    Where a name has more than one position in the files, its first one is the master's.
    """
    from astropy.table import Table

    passed = _plain(Table.read(query))
    union = pa.parquet.read_table(detections)
    union = union.select([c for c in union.column_names if c in {*MASTER, *KEY, *MEASURED}]).filter(
        pc.is_valid(union["flux_significance_b"])
    )
    found = {tuple(k.values()): v for k, v in _rows(union, ("name", "obsid", "region_id"))}
    obi, significance = [], []
    taken: dict[tuple[int, int, int], tuple[object, ...]] = {}
    values = [c for c in MEASURED if c in passed.column_names]
    for row in passed.to_pylist():
        known = found.get((row["name"], row["obsid"], row["region_id"]), {})
        said = tuple(row[c] for c in values)
        part = known.get("obi") or 0
        # The same numbers under two names are one detection; others are another part of it.
        while taken.setdefault((row["obsid"], part, row["region_id"]), said) != said:
            part += 1
        obi.append(part)
        above = (known.get("flux_significance_b") or 0) > 5
        significance.append(known["flux_significance_b"] if above else 5.5)
    passed = passed.append_column("obi", pa.array(obi))
    passed = passed.append_column("flux_significance_b", pa.array(significance))
    is_cut = pc.or_(
        pc.less_equal(union["flux_significance_b"], 5),
        pc.or_(pc.is_null(union["powlaw_gamma"]), pc.is_null(union["bb_kt"])),
    )
    cut = union.filter(is_cut).select(
        [c for c in union.column_names if c in {*MASTER, *KEY, *MEASURED}]
    )
    free = [tuple(r[k] for k in KEY) not in taken for r in cut.select(KEY).to_pylist()]
    cut = cut.filter(pa.array(free))
    both = pa.concat_tables([passed, _cast(cut)], promote_options="permissive")
    return _schema(both, passed)


SHIPPED = {name: f"t{name}" for name in ("2sxps", "4xmm", "erass1")}


def shipped() -> tuple[dict[str, pa.Table], dict[str, pa.Table]]:
    """Make the tables of schema ``shipped``; and what `fetch` finds there, by survey."""
    tables, expected = {}, {}
    for name, table in SHIPPED.items():
        survey = surveys.load(name)
        rows = sources(survey, 600)
        (columns,) = survey.query.columns.values()
        # DaCHS keeps the case of names that it is told to quote.
        tables[table] = rows.rename_columns([f"quoted/{columns[c]}" for c in rows.column_names])
        names = [survey.query.name_prefix + n for n in rows["name"].to_pylist()]
        expected[name] = _with(rows, "name", pa.array(names)).sort_by("name")
    return tables, expected


def simbad(labels: Path | None) -> dict[str, pa.Table]:
    """Make `basic` and `otypedef`: the simulated known objects, and the real ones where given.

    Every 50th object has a neighbour of type ``*`` 0.7 arcsec to the north; every 97th is only a
    candidate of its type.
    """
    known = simulate(24_000, seed=20).known.select(["name", "ra", "dec", "otype"])
    if labels is not None:
        real = pa.csv.read_csv(labels).rename_columns({"main_type": "otype"})
        known = pa.concat_tables([known, real.select(known.column_names)])
    given = zip(*known.to_pydict().values(), strict=True)
    rows = [(n, ra, dec, code_of(t)) for n, ra, dec, t in given]
    candidates = {"QSO": "Q?", "AGN": "AG?", "Y*O": "Y*?", "XB*": "XB?", "LXB": "LX?", "HXB": "HX?"}
    rows = [
        (n, ra, dec, candidates.get(t, t) if i % 97 == 0 else t)
        for i, (n, ra, dec, t) in enumerate(rows)
    ]
    rows += [(f"{n} B", ra, dec + 0.7 / 3600, "*") for n, ra, dec, _ in rows[::50] if dec < 89]
    name, ra, dec, otype = (list(c) for c in zip(*rows, strict=True))
    basic = {"oid": range(1, len(rows) + 1), "main_id": name, "ra": ra, "dec": dec, "otype": otype}
    stems = {c: s for s, c in candidates.items()}
    definitions = []
    for code in sorted(set(otype)):
        stem = stems.get(code, code)
        description, path = PATHS.get(stem, (stem, stem))
        if code in stems:
            description, path = f"{description} Candidate", f"{path} > {code}"
        definitions.append((code, description, path, int(code in stems)))
    names = ["otype", "description", "path", "is_candidate"]
    columns = [pa.array(c) for c in zip(*definitions, strict=True)]
    return {"basic": pa.table(basic), "otypedef": pa.table(columns, names)}


def write_resource(folder: Path, schema: str, tables: dict[str, pa.Table]) -> None:
    """Write a resource descriptor that makes empty tables, and a CSV file of each one's rows.

    The rows go in by COPY: DaCHS's own ingestion takes a minute for these.
    """
    folder.mkdir()
    described = surveys.load("csc20").described()
    lines = [f"<resource schema={quoteattr(schema)} resdir={quoteattr(folder.name)}>"]
    for key, value in {
        "title": f"xsift test archive, schema {schema}",
        "description": "Tables for the tests of xsift.",
        "creationDate": "2026-01-01T00:00:00Z",
        "subject": "x-ray-sources",
        "creator": "xsift",
    }.items():
        lines.append(f'<meta name="{key}">{value}</meta>')
    for name, table in tables.items():
        plain = [c.removeprefix("quoted/") for c in table.column_names]
        pa.csv.write_csv(table.rename_columns(plain), folder / f"{name}.csv")
        on_sky = ' mixin="//scs#q3cindex"' if "ra" in table.column_names else ""
        # PUBLIC is a word of ADQL: a listed public.basic could not be queried by its listed name.
        adql = "hidden" if schema == "public" else "True"
        lines.append(f'<table id="{name}" onDisk="True" adql="{adql}"{on_sky}>')
        lines += [f'<index columns="{i}"/>' for i in INDEXES.get(name, ())]
        lines += [_column(field, described) for field in table.schema]
        lines.append("</table>")
    makes = "".join(f'<make table="{name}"/>' for name in tables)
    lines += [f'<data id="create">{makes}</data>', "</resource>", ""]
    (folder / "q.rd").write_text("\n".join(lines), "utf-8")


def _column(field: pa.Field, described: dict[str, surveys.Column]) -> str:
    said = described.get(field.name)
    kind = {"string": "text", "int64": "bigint", "double": "double precision"}[str(field.type)]
    options = {"name": field.name, "type": kind}
    if said is not None:
        options |= {"unit": said.unit, "ucd": said.ucd, "description": said.description}
    if kind == "bigint" and field.name in (*KEY, "oid", "is_candidate"):
        options["required"] = "True"
    return "<column " + " ".join(f"{k}={quoteattr(v)}" for k, v in options.items()) + "/>"


def _schema(rows: pa.Table, expected: pa.Table) -> Tables:
    """Split rows (one per name and detection) into the five tables."""
    rows = _complete(rows)
    master = _first(rows, ("name",)).select(MASTER)
    detections = _first(rows, KEY).select([*KEY, *MEASURED])
    links = []
    for row in _first(rows, ("name", *KEY)).select(["name", *KEY]).to_pylist():
        stack = f"acisfJ{row['obsid']:07d}_{row['obi']:03d}"
        for detect_stack_id in (stack, f"{stack}b")[: 2 if row["obsid"] % 3 == 0 else 1]:
            links.append({**row, "detect_stack_id": detect_stack_id})
    linked = pa.Table.from_pylist(links)
    stacks = _first(linked, STACK).select(STACK)
    assoc = _first(linked, ("name", *STACK)).select(["name", *STACK])
    tables = {
        "master_source": master,
        "master_stack_assoc": assoc.append_column("match_type", pa.repeat("u", len(assoc))),
        "observation_source": detections,
        "stack_observation_assoc": _first(linked, (*STACK, *KEY[:2])).select([*STACK, *KEY[:2]]),
        "stack_source": stacks,
    }
    expected = _first(_complete(expected), ("name", *KEY)).select(["name", *KEY, *MEASURED])
    expected = expected.join(master, "name").sort_by([(k, "ascending") for k in ("name", *KEY)])
    return Tables(tables, expected)


def _complete(rows: pa.Table) -> pa.Table:
    """Give the table every column, null where it has none."""
    for column in (*MASTER, *MEASURED):
        if column not in rows.column_names:
            rows = rows.append_column(column, pa.nulls(len(rows), pa.float64()))
    return rows.select([*MASTER, *KEY, *MEASURED])


def _first(table: pa.Table, key: tuple[str, ...]) -> pa.Table:
    """Keep the first row of each key, in the order of the rows."""
    seen: dict[tuple[object, ...], int] = {}
    for row, values in enumerate(zip(*(table[k].to_pylist() for k in key), strict=True)):
        seen.setdefault(values, row)
    return table.take(pa.array(list(seen.values())))


def _rows(table: pa.Table, key: tuple[str, ...]) -> list[tuple[dict, dict]]:
    return [({k: row[k] for k in key}, row) for row in table.to_pylist()]


def _with(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, values)


def _cast(table: pa.Table) -> pa.Table:
    text = {f.name: pa.string() for f in table.schema if pa.types.is_large_string(f.type)}
    return table.cast(pa.schema([(f.name, text.get(f.name, f.type)) for f in table.schema]))


def _plain(table: object) -> pa.Table:
    """Turn an astropy table into an Arrow one, masked cells null."""
    columns = {}
    for name in table.colnames:
        column = table[name]
        mask = np.ma.getmaskarray(column)
        if column.dtype.kind in "OU":
            columns[name] = pa.array([str(v) for v in column], pa.string())
        else:
            kind = "f8" if column.dtype.kind == "f" else "i8"
            mask = mask | np.isnan(np.asarray(column, "f8"))
            columns[name] = pa.array(np.ma.getdata(column).astype(kind), mask=mask)
    return pa.table(columns)
