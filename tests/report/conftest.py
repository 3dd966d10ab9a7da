"""What the pages are made of: records in which a name of ours stands for all from outside."""

import numpy as np
import pytest


def figure(value):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "n": 20}


def measures():
    names = ("accuracy", "balanced_accuracy", "log_loss", "brier", "ece")
    return {name: figure(0.5) for name in names}


def level(name):
    bins = np.linspace(0.05, 0.95, 10).tolist()
    found = {"coverage": figure(0.9), "size": figure(1.5)}
    return measures() | {
        "sets": found | {"groups": {name: found}},
        "balanced_accuracy_unscored_wrong": figure(0.4),
        "accuracy_unscored_wrong": figure(0.4),
        "written": {
            name: dict.fromkeys(("balanced_accuracy", "accuracy", "all_else"), figure(0.4))
        },
        "n_detections": 1234,
        "n_units": 10,
        "n_unscored": 766,
        "names": [name, "B"],
        "recall": [figure(0.5)] * 2,
        "precision": [figure(0.5)] * 2,
        "confusion": [[8, 2], [3, 7]],
        "reliability": {
            "n": [2] * 10,
            "confidence": bins,
            "accuracy": bins,
            "low": bins,
            "high": bins,
        },
    }


def validation(name):
    worked, failed, second = (f"{name} {said}" for said in ("good", "bad", "second"))
    levels = {k: level(name) for k in ("groups", "classes")}
    good = {
        "detections": levels,
        "sources": levels,
        "strata": [{"stratum": name, "part": name, "n_detections": 5, **measures()}],
        "fusion": {"own": measures(), name: measures() | {"own_minus_this": measures()}},
    }
    drawn = {"mean": 0.5, "sd": 0.01, "n": 2, "values": [0.49, 0.51]}
    share = {
        "n_draws": 2,
        "n_failed": 1,
        "detections": {"groups": dict.fromkeys(measures(), drawn)},
        "sources": {},
    }
    ranked = {r: figure(0.7) for r in ("p_else", "doubt", "typicality")}
    none = {
        "all": ranked | {"n_detections": 50},
        "mean_of_types": dict.fromkeys(ranked, 0.7),
        "types": {name: ranked | {"n_detections": 50, "n_sources": 25}},
    }
    kept = {"promised": {"value": 0.95, "n": 20}, "right": figure(0.9)}
    promised = level(name) | {"promise": {name: {"0 to 10 %": kept, "90 to 100 %": kept}, "B": {}}}
    for_open = {"groups": promised, "kinds": promised}
    opened = {"detections": for_open, "sources": for_open, "auc": figure(0.8)}
    covered = {"coverage": figure(0.9), "size": figure(1.5)}
    numbers = {"n_detections": 1234, "n_units": 10, "n_unscored": 766}
    faint = measures() | numbers | {"sets": covered}
    both = {"detections": measures(), "sources": measures()}
    return {
        "input": name,
        "input_sha256": "0" * 64,
        "survey": "csc20",
        "feature_set": "without-newq",
        "created": "2026-01-01T00:00:00Z",
        "classes": {"A": "A", "B": "B"},
        "settings": {name: name},
        "evaluation": {"methods": [name]},
        "environment": {"numpy": "2"},
        "warnings": [name],
        "counts": dict.fromkeys(
            "labelled_detections labelled_sources detections sources sources_with_two_labels "
            "detections_of_other_types sources_of_other_types incomplete_detections "
            "detections_of_classes_apart sources_of_classes_apart".split(),
            1234,
        ),
        "protocol": {"plain_classes": 2, "folds": 5, "fold_by": None, "draws": 2, "sky_order": name,
                     "blocks_of_the_sky": 20,
                     "hidden_share": 0.3},
        "results": {
            "folds": {worked: good, failed: {"failed": name}},
            "sky": {worked: good, failed: {"failed": name}},
            "shares": {worked: {"0.1": share}, failed: {"0.1": share}},
            "missing": {worked: {"both": good, "test": {"failed": name}}, failed: {}},
            "none": {worked: none, failed: {"failed": name}},
            "open": {worked: opened, failed: {"failed": name}, second: {"left_out": name}},
            "faint": {worked: {"8": faint, "100000": faint}, failed: {"failed": name}},
            "differences": {worked: {}, second: {worked: both}},
        },
    }  # fmt: skip


@pytest.fixture(scope="session")
def validation_of():
    """Return what makes the record of a validation, with a name in place of every text."""
    return validation
