"""The mixture in JAX, on JAX's CPU in place of a GPU: the kernels are the oracle."""

import pickle
import threading
import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from xsift.errors import MissingPackageError, SettingError, XsiftWarning
from xsift.mixture import GaussianMixture, ParquetBlocks, devices
from xsift.mixture.blocks import ArrayRows

jax = pytest.importorskip("jax")

from xsift.mixture import on_gpu  # noqa: E402 (needs JAX)

PARAMETERS = ["weights_", "means_", "covariances_", "precisions_"]


@pytest.fixture(autouse=True)
def gpu(monkeypatch):
    """Take JAX's CPU for a GPU, in small steps: few rows are many chunks of all kinds."""
    monkeypatch.setattr(devices, "_devices_of_jax", lambda: (jax.devices("cpu"), ""))
    monkeypatch.setattr(on_gpu, "_step_rows", lambda K, d: 128)
    monkeypatch.setattr(on_gpu, "_LOT", 1500 * 8 * 4)  # of four features


def draw(n, K=3, d=4, seed=0, missing=0.0, spread=4.0):
    rng = np.random.default_rng(seed)
    factors = np.eye(d) + 0.4 * rng.normal(size=(K, d, d))
    y = rng.integers(K, size=n)
    X = np.einsum("nij,nj->ni", factors[y], rng.normal(size=(n, d)))
    X = (X + spread * rng.normal(size=(K, d))[y]) * 10.0 ** np.arange(-1, d - 1) + 7.0
    X[rng.random(X.shape) < missing] = np.nan
    return X


def start(X, K):
    rng = np.random.default_rng(5)
    whole = X[~np.isnan(X).any(axis=1)]
    return {
        "weights_init": np.full(K, 1 / K),
        "means_init": whole[rng.choice(len(whole), K, replace=False)],
        "precisions_init": np.repeat([np.diag(1 / np.nanvar(X, axis=0))], K, axis=0),
    }


def both(X, K, given=None, sample_weight=None, **options):
    """Fit here and there from the same start, and compare."""
    options = {"tol": 1e-6, "max_iter": 300, **start(X, K), **options}
    there = GaussianMixture(K, device="gpu", **options)
    there.fit(X if given is None else given, sample_weight=sample_weight)
    here = GaussianMixture(K, **options).fit(X, sample_weight=sample_weight)
    assert here.device_ == "cpu"
    assert there.device_ == "gpu (cpu)"
    assert there.n_iter_ == here.n_iter_
    assert_allclose(there.lower_bounds_, here.lower_bounds_, rtol=1e-11)
    for name in PARAMETERS:
        found, expected = getattr(there, name), getattr(here, name)
        assert_allclose(found, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
    return here, there


def weights_of(n, seed=3):
    return np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 3.0], n)


@pytest.mark.parametrize("K", [1, 2])
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_fit_ends_where_that_of_the_kernels_ends(K, missing, weighted):
    X = draw(3411, missing=missing)  # no multiple of anything, and rows without values
    here, _ = both(X, K, sample_weight=weights_of(len(X)) if weighted else None)
    assert K == 1 or here.n_iter_ > 5


def test_one_feature():
    both(draw(1000, d=1), 2)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_many_patterns_in_more_chunks_than_one():
    X = draw(3000, d=8, missing=0.4)
    assert len(np.unique(np.isnan(X), axis=0)) > 200  # a chunk has two short tiles here
    both(X, 2, max_iter=5)


def test_a_step_of_many_short_tiles(monkeypatch):
    monkeypatch.setattr(on_gpu, "_step_rows", lambda K, d: 2048)
    both(draw(3000, d=4, missing=0.2), 2)


def test_the_steps_that_a_gpu_gets(monkeypatch):
    monkeypatch.undo()
    assert on_gpu._step_rows(6, 12) == 32768
    assert on_gpu._step_rows(20, 12) == 8192
    assert on_gpu._step_rows(1, 1) == 65536
    assert on_gpu._step_rows(10**6, 50) == on_gpu._SHORT


@pytest.mark.filterwarnings("ignore:component 0:xsift.errors.XsiftWarning")
def test_a_narrow_component_far_from_the_origin():
    X = draw(3000, K=2, d=2)
    X[:1000] = [3e4, 1.0] + 1e-3 * np.random.default_rng(1).normal(size=(1000, 2))
    both(X, 3, reg_covar=0.0, means_init=[[3e4, 1.0], X[2000], X[2001]])


def test_a_component_that_dies():
    X = draw(2000)
    far = start(X, 2) | {"means_init": np.array([X.mean(axis=0), X.mean(axis=0) + 1e5])}
    here, there = both(X, 2, **far)
    assert here.weights_[1] < 1e-15
    assert_allclose(there.means_[1], here.means_[1], rtol=1e-12)


def test_a_start_with_a_weight_of_zero():
    X = draw(2000)
    both(X, 2, weights_init=[1.0, 0.0])


def test_a_collapse_is_told(recwarn):
    X = draw(2000)
    X[:500, 2] = 1.0
    narrow = np.repeat([np.diag(1 / X.var(axis=0))], 2, axis=0)
    narrow[0, 2, 2] = 1e4
    here, there = both(X, 2, means_init=[X[:500].mean(axis=0), X[600]], precisions_init=narrow)
    assert [c[:2] for c in there.collapses_] == [c[:2] for c in here.collapses_] != []
    assert recwarn.pop(XsiftWarning)


def test_the_start_and_all_starts_are_those_of_the_cpu():
    X = draw(2000, missing=0.1)
    options = {"random_state": 2, "n_init": 3}
    here = GaussianMixture(2, **options).fit(X)
    there = GaussianMixture(2, device="gpu", **options).fit(X)
    assert_allclose(there.means_, here.means_, rtol=1e-9)


def blocks_of(X, weight=None):
    cuts = [1, 8, 700, 701, 1900]

    def opened():
        parts = np.split(X, cuts)
        return iter(parts if weight is None else zip(parts, np.split(weight, cuts), strict=True))

    return opened


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize("room", [0, 100_000, 10**9])  # none, some and all of the rows fit
def test_rows_that_do_not_fit_the_device_are_sent_in_turns(monkeypatch, missing, room):
    monkeypatch.setattr(on_gpu, "_UNKNOWN", room)
    sent = []
    send = on_gpu._sent
    monkeypatch.setattr(on_gpu, "_sent", lambda *given: sent.append(given) or send(*given))
    X = draw(4001, missing=missing)
    weight = weights_of(len(X))
    there = GaussianMixture(2, device="gpu", **start(X, 2)).fit(blocks_of(X, weight))
    here = GaussianMixture(2, **start(X, 2)).fit(X, sample_weight=weight)
    assert there.n_iter_ == here.n_iter_ > 3
    assert_allclose(there.covariances_, here.covariances_, rtol=1e-9)
    n = len(sent)
    GaussianMixture(2, device="gpu", max_iter=1, **start(X, 2)).fit(blocks_of(X, weight))
    in_a_visit = len(sent) - n
    if room == 10**9:
        assert n == in_a_visit
    elif room == 0:
        assert n == in_a_visit * here.n_iter_
    else:
        assert in_a_visit < n < in_a_visit * here.n_iter_


def test_parquet(tmp_path):
    X = draw(2500, missing=0.2)
    table = pa.table({f"x{j}": pa.array(x, from_pandas=True) for j, x in enumerate(X.T)})
    pq.write_table(table, tmp_path / "rows.parquet")
    both(X, 2, given=ParquetBlocks(tmp_path / "rows.parquet", block_size=333))


@pytest.fixture(scope="module")
def pair():
    """The same mixture here and there, and rows: some without values, some far out."""
    X = draw(2600, missing=0.3)
    here = GaussianMixture(2, random_state=0).fit(X)
    there = clone(here).set_params(device="gpu")
    vars(there).update({name: value for name, value in vars(here).items() if name[-1] == "_"})
    X[5] = np.nan
    X[6] = 1e200
    X[7] = [1e200, np.nan, np.nan, np.nan]
    return here, there, X


def test_scores(pair):
    here, there, X = pair
    assert_allclose(there.score_samples(X), here.score_samples(X), rtol=1e-11)
    assert_allclose(there.predict_proba(X), here.predict_proba(X), rtol=1e-9, atol=1e-14)
    assert_array_equal(there.predict(X), here.predict(X))
    assert there.score_samples(X)[5] == 0
    assert_allclose(there.predict_proba(X)[5:8], [here.weights_] * 3, rtol=1e-14)
    assert_array_equal(there.score_samples(X)[6:8], -np.inf)
    assert_allclose(there.predict_proba(X).sum(axis=1), 1, rtol=1e-14)


def test_scores_of_a_stream(pair):
    here, there, X = pair
    stream = blocks_of(X)
    assert_allclose(there.predict_proba(stream), here.predict_proba(X), rtol=1e-9, atol=1e-14)
    assert_array_equal(there.predict(stream), here.predict(X))


def test_scores_are_checked(pair):
    there = pair[1]
    with pytest.raises(ValueError, match="row 1 has an infinite value in feature 2"):
        there.score_samples([[0, 0, 0, 0], [0, 0, np.inf, 0]])


def test_sums_of_scores(pair):
    here, there, X = pair
    X = np.delete(X, [6, 7], axis=0)
    weight = weights_of(len(X))
    assert_allclose(
        there.information_criteria(X, weight), here.information_criteria(X, weight), rtol=1e-12
    )
    assert_allclose(there.score(X), here.score(X), rtol=1e-12)


def test_information_criteria_choose_the_same_number():
    X = draw(1500, K=2, spread=8.0)
    found = {}
    for device in ("cpu", "gpu"):
        models = [GaussianMixture(K, random_state=1, device=device).fit(X) for K in range(1, 4)]
        found[device] = [model.information_criteria(X) for model in models]
    assert_allclose(found["gpu"], found["cpu"], rtol=1e-9)
    assert_array_equal(np.argmin(found["gpu"], axis=0), np.argmin(found["cpu"], axis=0))
    assert np.argmin(found["cpu"], axis=0)[0] == 1


def test_float64_stays_within_also_on_a_thread():
    X = draw(1500, missing=0.1)
    here, models = GaussianMixture(2, **start(X, 2)).fit(X), []

    def fit():
        models.append(GaussianMixture(2, device="gpu", **start(X, 2)).fit(X))
        models.append(jax.numpy.zeros(1).dtype)

    thread = threading.Thread(target=fit)
    thread.start()
    thread.join()
    assert_allclose(models[0].means_, here.means_, rtol=1e-12)
    mixture = here.weights_, here.means_, here.covariances_
    next(on_gpu.score_rows(ArrayRows(X), *mixture, jax.devices("cpu")[0]))
    assert models[1] == jax.numpy.zeros(1).dtype == np.float32  # also between what is yielded


def test_it_is_compiled_once_for_all_numbers_of_rows():
    compiled = on_gpu.in_jax.add_moments._cache_size
    options = {"device": "gpu", "max_iter": 3, "tol": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for X in (draw(5000, K=3), draw(5000, K=3, missing=0.3)):
            GaussianMixture(2, **options, **start(X, 2)).fit(X)
        n = compiled()
        for size in (1000, 3333, 4999):
            for X in (draw(size, K=3), draw(size, K=3, missing=0.3)):
                GaussianMixture(2, **options, **start(X, 2)).fit(X)
    assert compiled() == n


def test_device_is_a_parameter_like_any_other():
    model = GaussianMixture(2, device="gpu", random_state=0).fit(draw(500))
    assert clone(model).get_params()["device"] == "gpu"
    again = pickle.loads(pickle.dumps(model))
    assert again.device_ == "gpu (cpu)"
    assert_array_equal(again.means_, model.means_)
    with pytest.raises(ValueError, match="device"):
        GaussianMixture(device="tpu").fit(draw(500))


def test_auto_takes_the_gpu_for_many_rows(monkeypatch):
    X = draw(1000)
    assert GaussianMixture(device="auto").fit(X).device_ == "cpu"
    monkeypatch.setattr(devices, "LEAST_ROWS", 1000)
    assert GaussianMixture(device="auto").fit(X[1:]).device_ == "cpu"
    model = GaussianMixture(device="auto").fit(X)
    assert model.device_ == "gpu (cpu)"
    assert model._gpu() is not None
    monkeypatch.setattr(devices, "_devices_of_jax", lambda: ([], "cpu"))
    assert model._gpu() is None  # taken to a machine without one, it scores on the CPU
    assert_allclose(model.score(X), GaussianMixture().fit(X).score(X), rtol=1e-12)


def test_auto_without_a_gpu_is_the_cpu_to_the_last_bit(monkeypatch, without):
    monkeypatch.setattr(devices, "LEAST_ROWS", 10)
    X = draw(1000, missing=0.1)
    here = GaussianMixture(2, random_state=0).fit(X)
    for hide in (lambda: monkeypatch.undo(), lambda: without("jax")):
        hide()
        monkeypatch.setattr(devices, "LEAST_ROWS", 10)
        model = GaussianMixture(2, random_state=0, device="auto").fit(X)
        assert model.device_ == "cpu"
        assert_array_equal(model.covariances_, here.covariances_)


def test_without_jax_the_extra_is_named(without):
    without("jax")
    with pytest.raises(MissingPackageError, match=r"jax is not .*pip install \"xsift\[gpu\]\""):
        GaussianMixture(device="gpu").fit(draw(100))


def test_without_a_gpu_it_says_what_there_is(monkeypatch):
    monkeypatch.undo()  # JAX itself, which has no GPU where this is tested
    if devices._devices_of_jax()[0]:
        pytest.skip("there is a GPU here")
    with pytest.raises(SettingError, match="device gpu: JAX finds no GPU, only cpu: install"):
        GaussianMixture(device="gpu").fit(draw(100))


def test_the_cpu_needs_no_jax(run_python):
    said = run_python(
        "import sys, numpy as np\n"
        "from xsift.mixture import GaussianMixture\n"
        "X = np.random.default_rng(0).normal(size=(500, 2))\n"
        "GaussianMixture(device='auto').fit(X).predict(X)\n"
        "print('jax' in sys.modules)"
    )
    assert said.strip() == "False"


def test_memory_that_ends_is_told(monkeypatch):
    def send(*_):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory\nallocating 9 bytes")

    monkeypatch.setattr(on_gpu, "_sent", send)
    with pytest.raises(SettingError, match=r"memory of the GPU is full \(.*Out of memory\): stop"):
        GaussianMixture(device="gpu").fit(draw(100))


@pytest.mark.parametrize(("own", "expected"), [(None, "false"), ("true", "true")])
def test_the_memory_of_a_gpu_is_not_reserved(run_python, monkeypatch, own, expected):
    name = "XLA_PYTHON_CLIENT_PREALLOCATE"
    monkeypatch.delenv(name, raising=False)
    if own:
        monkeypatch.setenv(name, own)
    said = run_python(
        "import os; from xsift.mixture import devices; devices.gpu_for('auto', 10**6); "
        f"print(os.environ['{name}'])"
    )
    assert said.strip() == expected


def test_memory_of_the_device_is_asked_for():
    class Device:
        def __init__(self, stats):
            self.memory_stats = lambda: stats

    assert on_gpu._room(Device(None)) == on_gpu._UNKNOWN
    stats = {"bytes_limit": 1000, "bytes_in_use": 200}
    assert on_gpu._room(Device(stats)) == pytest.approx(560)


def test_the_programs_can_be_compiled_for_cuda():
    """As far as that can be told without a GPU: all of it has a counterpart there."""
    from jax import export

    K, d, P, tiles = 3, 4, 8, 16
    unchecked = [export.DisabledSafetyCheck.custom_call("cusolver_potrf_ffi")]  # Cholesky
    with jax.enable_x64(True):
        shapes = (K,), (K, d), (K, d, d), (d,), (d,)
        model = on_gpu.in_jax.Model(*(jax.ShapeDtypeStruct(s, np.float64) for s in shapes))
        observed = jax.ShapeDtypeStruct((P, d), bool)
        under = jax.eval_shape(on_gpu.in_jax.marginals, model, observed)
        chunk = on_gpu.in_jax.Chunk(
            jax.ShapeDtypeStruct((1, tiles, 64, d), np.float64),
            jax.ShapeDtypeStruct((1, tiles, 64), np.float64),
            jax.ShapeDtypeStruct((tiles,), np.int32),
        )
        sums = on_gpu.in_jax.Sums(
            *(jax.ShapeDtypeStruct(s, np.float64) for s in ((K,), (K, d), (K, d, d), ()))
        )
        programs = {
            on_gpu.in_jax.marginals: (model, observed),
            on_gpu.in_jax.add_moments: (sums, model, under, chunk),
            on_gpu.in_jax.scores: (model, under, chunk),
            on_gpu.in_jax.totals: (model, under, chunk),
        }
        for program, given in programs.items():
            made = export.export(program, platforms=["cuda"], disabled_checks=unchecked)(*given)
            assert made.platforms == ("cuda",)
            assert {out.dtype for out in made.out_avals} == {np.dtype(np.float64)}
            assert "f32" not in made.mlir_module()
