"""The report of a validation, for a reader who has to be convinced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from xsift.report.page import cell, figure_block, page, paragraph, section, table
from xsift.report.words import DEFINITIONS, LIMITS, protocol_in_words

__all__ = ["evaluation_page"]

_MEASURES = {
    "balanced_accuracy": "balanced accuracy",
    "accuracy": "accuracy",
    "log_loss": "log-loss",
    "brier": "Brier score",
    "ece": "ECE",
}
_LEVELS = {"groups": "groups", "merged": "AGN and Seyfert as one", "classes": "all classes"}
_HIDDEN = {"both": "training and test rows", "test": "test rows only"}
_RANKINGS = {
    "p_none": "p_none",
    "doubt": "1 - highest class probability",
    "typicality": "1 - typicality",
}


def evaluation_page(record: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """Return the report as one HTML page.

    Parameters
    ----------
    record : mapping
        What `evaluation.json` holds.
    figures : mapping of str to str
        SVG by name: ``confusion METHOD``, ``reliability METHOD``, ``labels``.

    Returns
    -------
    str
    """
    return page(f"Validation on {record['input']}", _sections(record, figures))


def _sections(record: Mapping[str, Any], figures: Mapping[str, str]) -> Iterator[str]:
    found = record["results"]
    yield section("What was done", map(paragraph, protocol_in_words(record)))
    yield section("How good the methods are", _summary(found))
    yield section("Confusion and reliability", _drawn(found["folds"], figures))
    yield section("Class by class", _by_class(found["folds"]))
    yield section("From detections to sources", _fusion(found["folds"]))
    if "shares" in found:
        yield section("Few labels", _few_labels(found, figures))
    if "missing" in found:
        yield section("Missing values", _missing(found))
    if "none" in found:
        yield section("None of these", _none(found["none"]))
    yield section("Where a method does better or worse", _strata(found["folds"]))
    yield section("Definitions", map(paragraph, DEFINITIONS))
    yield section("Limits", [*map(paragraph, LIMITS), *map(paragraph, record["warnings"])])
    yield section("Provenance", [_provenance(record)])


def _worked(by_method: Mapping[str, Any]) -> dict[str, Any]:
    return {m: f for m, f in by_method.items() if "failed" not in f}


def _failures(by_method: Mapping[str, Any]) -> Iterator[str]:
    for method, found in by_method.items():
        if "failed" in found:
            yield paragraph(f"{method} could not be fitted: {found['failed']}.")


def _summary(found: Mapping[str, Any]) -> Iterator[str]:
    for experiment, title in (("folds", "folds by source"), ("sky", "folds by blocks of the sky")):
        if experiment not in found:
            continue
        yield from _failures(found[experiment])
        for what in ("detections", "sources"):
            yield _measures_table(f"Per {what[:-1]}, {title}", _worked(found[experiment]), what)
    order = list(found["differences"])
    rows = [
        [cell(f"{a} minus {b}"), *(cell(pair["detections"][m]) for m in _MEASURES)]
        for a, others in found["differences"].items()
        for b, pair in others.items()
        if pair["detections"] and order.index(b) < order.index(a)
    ]
    if rows:
        caption = (
            "Differences per detection, groups, folds by source, where both methods have scored; "
            "both on the same resamples"
        )
        yield table(caption, ["methods", *_MEASURES.values()], rows)


def _measures_table(caption: str, by_method: Mapping[str, Any], what: str) -> str:
    rows = [
        [
            cell(method),
            cell(_LEVELS[level]),
            *(cell(f[m]) for m in _MEASURES),
            f"{f['n_detections']:,} of {f['n_detections'] + f['n_unscored']:,}",
            cell(f["balanced_accuracy_unscored_wrong"]) if f["n_unscored"] else cell(None),
        ]
        for method, found in by_method.items()
        for level, f in found[what].items()
    ]
    last = ["scored", "balanced, unscored count as wrong"]
    return table(caption, ["method", "level", *_MEASURES.values(), *last], rows)


def _drawn(by_method: Mapping[str, Any], figures: Mapping[str, str]) -> Iterator[str]:
    for method in _worked(by_method):
        yield figure_block(
            figures[f"confusion {method}"],
            f"{method}: groups, decision argmax p / prior; rows are the truth, the diagonal is the "
            "recall.",
        )
        yield figure_block(
            figures[f"reliability {method}"],
            f"{method}: how often the most probable group is right, with 95 % intervals; the bars "
            "are shares of the detections.",
        )


def _by_class(by_method: Mapping[str, Any]) -> Iterator[str]:
    for level in ("groups", "classes"):
        rows = []
        for method, found in _worked(by_method).items():
            f = found["detections"][level]
            for i, name in enumerate(f["names"]):
                n = sum(f["confusion"][i])
                parts = (cell(f["recall"][i]), cell(f["precision"][i]))
                rows.append([cell(method), cell(name), f"{n:,}", *parts])
        headings = ["method", "class", "detections", "recall", "precision"]
        yield table(f"Per detection, {_LEVELS[level]}", headings, rows)


def _fusion(by_method: Mapping[str, Any]) -> Iterator[str]:
    yield paragraph(
        "The method's own way of turning detections into sources beside plain rules; each source "
        "counts once. The last columns are the own rule minus the plain one, on the same resamples."
    )
    rows = []
    for method, found in _worked(by_method).items():
        for rule, f in found["fusion"].items():
            minus = f.get("own_minus_this", {})
            rows.append(
                [cell(method), cell(rule.replace("_", " ")), *(cell(f[m]) for m in _MEASURES)]
                + [cell(minus.get(m, "")) for m in ("balanced_accuracy", "log_loss")]
            )
    last = ["own - this: balanced", "own - this: log-loss"]
    yield table("Groups, per source", ["method", "rule", *_MEASURES.values(), *last], rows)


def _few_labels(found: Mapping[str, Any], figures: Mapping[str, str]) -> Iterator[str]:
    yield figure_block(
        figures["labels"],
        "Mean over the draws of the sources that keep their labels; bars are the spread of the "
        "draws (standard deviation). 100 %: all labels, one fit per fold.",
    )
    rows = []
    for method, by_share in found["shares"].items():
        for share, f in by_share.items():
            g = f["detections"]["groups"]
            values = [_mean(g[m]) if m in g else cell(None) for m in _MEASURES]
            n = f"{f['n_draws']}" + (f" ({f['n_failed']} failed)" if f["n_failed"] else "")
            rows.append([cell(method), f"{100 * float(share):g} %", *values, n])
    yield table(
        "Groups, per detection: mean and spread over draws",
        ["method", "labelled sources", *_MEASURES.values(), "draws"],
        rows,
    )


def _mean(found: Mapping[str, Any]) -> str:
    spread = f"<small>± {cell(found['sd'])}</small>" if found["n"] > 1 else ""
    return cell(found["mean"]) + spread


def _missing(found: Mapping[str, Any]) -> Iterator[str]:
    rows = []
    for method, by_variant in found["missing"].items():
        complete = found["folds"].get(method, {})
        for variant, f in {"": complete, **by_variant}.items():
            hidden = _HIDDEN.get(variant, "nothing hidden")
            if "failed" in f:
                rows.append([cell(method), hidden, f"not fitted: {cell(f['failed'])}"])
                continue
            g = f["detections"]["groups"]
            n = f"{g['n_detections']:,} of {g['n_detections'] + g['n_unscored']:,}"
            wrong = cell(g["balanced_accuracy_unscored_wrong"])
            rows.append([cell(method), hidden, *(cell(g[m]) for m in _MEASURES), n, wrong])
    headings = ["method", "hidden in", *_MEASURES.values(), "scored"]
    yield table(
        "Groups, per detection; 30 % of the values hidden at random",
        [*headings, "balanced, unscored count as wrong"],
        rows,
    )


def _none(by_method: Mapping[str, Any]) -> Iterator[str]:
    yield paragraph(
        "Area under the ROC curve: how often a detection of another type ranks above one of a "
        "known class, both scored by the same fit. The type was not among the known other types in "
        "training. 0.5 is chance; a method that knows no p_none has exactly 0.5 there."
    )
    yield from _failures(by_method)
    for method, found in _worked(by_method).items():
        rows = [_none_row("all", found["all"], "")]
        rows.append(
            ["mean of the types", "", "", *(cell(found["mean_of_types"][r]) for r in _RANKINGS)]
        )
        rows += [_none_row(t, f, f["n_sources"]) for t, f in found["types"].items()]
        yield table(method, ["type", "detections", "sources", *_RANKINGS.values()], rows)


def _none_row(name: str, f: Mapping[str, Any], n_sources: Any) -> list[str]:
    return [cell(name), cell(f["n_detections"]), cell(n_sources), *(cell(f[r]) for r in _RANKINGS)]


def _strata(by_method: Mapping[str, Any]) -> Iterator[str]:
    yield paragraph(
        "Groups. The balanced accuracy of a part is the mean over the groups that it holds: with "
        "fewer groups it is easier to reach."
    )
    titles = dict.fromkeys(s["stratum"] for f in _worked(by_method).values() for s in f["strata"])
    for title in titles:
        rows = [
            [
                cell(method),
                cell(s["part"]),
                cell(s["n_detections"]),
                *(cell(s[m]) for m in _MEASURES),
            ]
            for method, found in _worked(by_method).items()
            for s in found["strata"]
            if s["stratum"] == title
        ]
        yield table(f"By {title}", ["method", "part", "n", *_MEASURES.values()], rows)


def _provenance(record: Mapping[str, Any]) -> str:
    def said(tree: Mapping[str, Any]) -> Iterable[list[str]]:
        for key, value in tree.items():
            shown = f"{value:,}" if isinstance(value, int) else str(value)
            yield [cell(key.replace("_", " ")), f"<code>{cell(shown)}</code>"]

    top = {k: record[k] for k in ("input", "input_sha256", "survey", "feature_set", "created")}
    settings = {**record["settings"], **record["evaluation"], **record["environment"]}
    return "\n".join(
        table(caption, ["what", "value"], said(tree))
        for caption, tree in (
            ("Input", {**top, **record["counts"]}),
            ("Settings and versions", settings),
        )
    )
