"""Every array of a model file is held to its range when the file loads: none can be forgotten."""

import re
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from xsift.model import schema, schema_parts
from xsift.model.file import load_model_tree
from xsift.model.packaged import packaged_models
from xsift.model.schema import Array, ModelTree


def parts():
    """All classes of the schema."""
    found = {v for m in (schema, schema_parts) for v in vars(m).values() if isinstance(v, type)}
    return [v for v in found if issubclass(v, schema_parts.Strict)]


def is_array(field):
    """Tell whether a field is an array, or one that may be left out."""
    said = [*field.metadata]
    said += [m for a in get_args(field.annotation) for m in getattr(a, "__metadata__", ())]
    return any(m is Array.__metadata__[0] for m in said)


ARRAYS = sorted(
    f"{part.__name__}.{name}"
    for part in parts()
    for name, field in part.model_fields.items()
    if is_array(field)
)


def at_start(value):
    def put(array):
        array.flat[0] = value
        return array

    return put


def first_pair_turned(array):
    array[[0, 1]] = array[[1, 0]]
    return array


def lopsided(matrices):
    matrices[..., 0, 1] += 0.1 * np.abs(matrices).max()
    return matrices


# What an array may hold beside numbers up to 3.4e38 in its shape: changes that leave its range.
INDEX = (at_start(-1), at_start(2**31), at_start(2**62), lambda a: a + a.max() + 1)
TREES_FEATURE = (at_start(1000), at_start(-1001), at_start(2**62), at_start(-(2**63)))
RANGES = {
    "CalibratedTree.knots": (*INDEX, at_start(0)),
    "CalibratedTree.score": (first_pair_turned,),
    "CalibratedTree.value": (first_pair_turned, lambda a: a * 0),
    "ClassMixturesTree.covariances": (lambda a: -a, lopsided, lambda a: a * 0),
    "ClassMixturesTree.means": (),
    "ClassMixturesTree.owner": (*INDEX, lambda a: a[::-1]),
    "ClassMixturesTree.weights": (at_start(-0.1), lambda a: a * 2, lambda a: a * 0),
    "LevelTree.rank_quantiles": (lambda a: a[::-1],),
    "MixtureTree.covariances": (lambda a: -a, lopsided, lambda a: a * 0),
    "MixtureTree.means": (),
    "MixtureTree.weights": (at_start(-0.1), lambda a: a * 2, lambda a: a * 0),
    "OpenScorerTree.thresholds": (at_start(-0.1), at_start(1.1)),
    "PaperTree.log_density_quantiles": (lambda a: a[::-1],),
    "PaperTree.means": (),
    "PaperTree.n_members": (at_start(-1), at_start(2**31), at_start(2**62)),
    "PaperTree.precisions": (lambda a: -a, lopsided),
    "ScalingTree.high": (lambda a: -a - 100,),
    "ScalingTree.low": (lambda a: a + 100,),
    "ScalingTree.offset": (),
    "ScorerTree.blend": (),
    "ScorerTree.group": (*INDEX, lambda a: a * 0),
    "ScorerTree.intercept": (),
    "ScorerTree.shares": (at_start(-0.1), lambda a: a * 2, lambda a: a * 0),
    "ScorerTree.slope": (),
    "TreesTree.baseline": (),
    "TreesTree.feature": TREES_FEATURE,
    "TreesTree.leaf": (),
    "TreesTree.output": (at_start(-1), at_start(1000), at_start(2**62)),
    "TreesTree.threshold": (),
    "ValidationTree.above": (lambda a: a * 0, lambda a: a[:, ::-1]),
    "ValidationTree.n": (lambda a: a * 0, lambda a: -a),
    "ValidationTree.p": (at_start(-0.1), lambda a: a + 1e6),
    "ValidationTree.right": (at_start(-0.1), lambda a: a + 1e6),
    "ValidationTree.right_above": (at_start(1e6), at_start(-0.1), lambda a: a[:, ::-1]),
    "ValidationTree.thresholds": (lambda a: a[::-1], lambda a: a + 0.1, lambda a: a * 0),
}
# Quantiles, as many as there are.
FREE_LENGTH = ("rank_quantiles", "log_density_quantiles")


def everywhere(array, path):
    """Return what no array may be: not finite, too large, of other shape or kind."""
    yield np.where(np.arange(array.size).reshape(array.shape) == 0, np.nan, array)
    yield np.where(np.arange(array.size).reshape(array.shape) == array.size - 1, np.inf, array)
    yield np.where(np.arange(array.size).reshape(array.shape) == 0, -1e39, array)
    yield array[..., None]
    yield array[0]
    yield array[:0]
    yield array.astype(complex)
    yield array.astype(str)
    yield array.astype(object)
    yield array.tolist()
    if path[-1] not in FREE_LENGTH:
        yield array[1:]
        yield np.concatenate([array, array[-1:]])
    if array.dtype.kind == "i":
        yield array / 1.0
        yield array + 0.5


def places(part, path=()):
    """Yield name and place of all arrays of a part and of its parts."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        for i, one in enumerate(value if isinstance(value, list | tuple) else [value]):
            here = (*path, name, i) if isinstance(value, list | tuple) else (*path, name)
            if isinstance(one, np.ndarray):
                yield f"{type(part).__name__}.{name}", here
            elif isinstance(one, schema_parts.Strict):
                yield from places(one, here)


@pytest.fixture(scope="module")
def models(thin):
    return [load_model_tree(packaged_models()["csc20-paper"]), thin]


@pytest.fixture(scope="module")
def by_name(models):
    found = {}
    for model in models:
        for name, path in places(model):
            found.setdefault(name, []).append((model, path))
    return found


def refused(model, path, change):
    """Put something in the place of an array; tell whether the schema refuses it."""
    tree = model.model_dump()
    place = tree
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = change(place[path[-1]].copy())
    try:
        ModelTree.model_validate(tree)
    except ValidationError:
        return True
    return False


def test_all_arrays_are_known_here(by_name):
    assert sorted(RANGES) == ARRAYS == sorted(by_name)


def test_a_sound_model_is_not_refused(models):
    for model in models:
        path = next(path for _, path in places(model))
        assert not refused(model, path, lambda array: array)


@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_out_of_range_is_refused(by_name, name):
    for model, path in (by_name[name][0], by_name[name][-1]):
        array = model.model_dump()
        for step in path:
            array = array[step]
        for i, bad in enumerate(everywhere(array, path)):
            assert refused(model, path, lambda _, bad=bad: bad), (path, i)
        for i, change in enumerate(RANGES[name]):
            assert refused(model, path, change), (path, f"range {i}")


def test_the_error_names_the_array(models):
    tree = models[1].model_dump()
    tree["calibrated"]["scorers"][0]["plain"]["trees"]["leaf"] = np.full((3, 8), 1e39)
    with pytest.raises(ValidationError, match="leaf") as caught:
        ModelTree.model_validate(tree)
    assert re.search(r"the array holds values beyond 3\.4e\+38", str(caught.value))
