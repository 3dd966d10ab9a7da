"""Damaged and hostile model files, many of them: refused in one line, soon, in little memory."""

import io
import json
import re
import subprocess
import sys

import asdf
import numpy as np
import pytest

from xsift.model.file import load_model_tree
from xsift.model.packaged import packaged_models

# Loads each file that it is told of, under a limit of 1 GiB, and says how it went.
CHILD = """
import json, resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from xsift.errors import ModelError
from xsift.model.file import load_model_tree
for path in sys.stdin.read().splitlines():
    before, begun = peak(), time.process_time()
    try:
        load_model_tree(path)
        said = None
    except ModelError as error:
        said = str(error)
    print(json.dumps([said, time.process_time() - begun, peak() - before]))
"""


def loaded_apart(paths, peak_code):
    """Load files in a process of its own: (message or None, seconds, MiB more) of each."""
    done = subprocess.run(
        [sys.executable, "-c", peak_code + CHILD],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module", params=["csc20-paper", "csc20"])
def whole(request):
    return packaged_models()[request.param].read_bytes()


def mutants(content, n, seed):
    """Yield damaged files: one byte changed, cut off, a range doubled, taken out or overwritten."""
    rng = np.random.default_rng(seed)
    end = content.index(b"\xd3BLK")
    for i in range(n):
        # Half of them in the header: there, a byte can mean anything.
        at = int(rng.integers(end if i % 2 else len(content)))
        some = int(rng.integers(1, 3000))
        kind = ("byte", "byte", "byte", "cut", "double", "remove", "move")[i % 7]
        if kind == "byte":
            new = bytes([content[at] ^ int(rng.integers(1, 256))])
            yield content[:at] + new + content[at + 1 :]
        elif kind == "cut":
            yield content[:at]
        elif kind == "double":
            yield content[: at + some] + content[at:]
        elif kind == "remove":
            yield content[:at] + content[at + some :]
        else:
            yield content[:at] + content[at // 2 : at // 2 + some] + content[at + some :]


def same(a, b):
    """Tell whether two trees are the same to the bit."""
    if isinstance(a, np.ndarray):
        return (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


def test_a_damaged_model_is_refused_or_the_same(whole, tmp_path, or_refused):
    path = tmp_path / "m.asdf"
    path.write_bytes(whole)
    sound = load_model_tree(path).model_dump()
    accepted = 0
    for content in mutants(whole, 210, seed=1):
        path.write_bytes(content)
        tree = or_refused(lambda: load_model_tree(path))
        if tree is not None:
            accepted += 1
            assert same(tree.model_dump(), sound)
    assert accepted < 50  # text that nothing reads: the comments, asdf's own entries, the index


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory hold there")
def test_damaged_models_do_not_end_the_process(tmp_path, peak_code):
    paths = []
    for name in ("csc20-paper", "csc20"):
        for content in mutants(packaged_models()[name].read_bytes(), 35, seed=2):
            paths.append(tmp_path / f"{len(paths)}.asdf")
            paths[-1].write_bytes(content)
    results = loaded_apart(paths, peak_code)
    assert len(results) == len(paths)
    assert max(seconds for _, seconds, _ in results) < 1


PLAIN = "source: 9\n      datatype: float64\n      byteorder: little\n      shape: [1001]"
SMALL = "!core/ndarray-1.1.0 {{source: {}, datatype: float64, byteorder: little, shape: [6]{}}}"


def said_of_array(new):
    """Return what stands for the last array of a model, with another declaration."""
    return lambda whole: whole.replace(PLAIN.encode(), new.encode())


def evaluation(new):
    return lambda whole: whole.replace(b"evaluation: null", b"evaluation: " + new.encode())


def in_block(at, new):
    """Return what writes into the header of the last block; `at` counts from its magic number."""

    def change(whole):
        where = whole.rindex(b"\xd3BLK") + at
        return whole[:where] + new + whole[where + len(new) :]

    return change


def declared(**other):
    said = {"source": 9, "datatype": "float64", "byteorder": "little", "shape": "[1001]"} | other
    return said_of_array("\n      ".join(f"{k}: {v}" for k, v in said.items() if v is not None))


HUGE = 2**25  # 256 MiB of doubles
HUNDRED = ", ".join([SMALL.format(3, "").replace("[6]", f"[{HUGE}], strides: [0]")] * 100)
Q = r"log_density_quantiles: "
BOMBS = {
    "strides of 0, a hundred times": (evaluation(f"[{HUNDRED}]"), "an array with .*strides.*refus"),
    "strides of 0": (declared(shape=f"[{HUGE}]", strides="[0]"), Q + "an array with .*strides"),
    "negative strides": (declared(strides="[-8]"), Q + "an array with .*strides.*: refused"),
    "contiguous strides": (declared(strides="[8]"), Q + "an array with .*strides.*: refused"),
    "one block for all": (evaluation(SMALL.format(3, "")), "source 3 is no block, or another arr"),
    "a huge shape": (declared(shape="[3000000000]"), Q + r"shape \[3000000000\] does not fill"),
    "a product that overflows": (
        declared(shape=f"[{2**32}, {2**32}, 1001]"),
        Q + r"shape \[4294967296, 4294967296, 1001\] does not fill 8,008 bytes",
    ),
    "a hundred dimensions": (declared(shape=[1] * 100), Q + "a shape of four whole numbers"),
    "a streamed shape": (declared(shape="['*']"), Q + "a shape of four whole numbers"),
    "a negative shape": (declared(shape="[-7, -143]"), Q + r"shape \[-7, -143\] does not fill"),
    "a shape of truth values": (declared(shape="[true]"), Q + "a shape of four whole numbers"),
    "no shape": (declared(shape=None), Q + "an array with byteorder, datatype, source: refused"),
    "offset": (declared(offset=8), Q + "an array with .*offset.*: refused"),
    "a mask": (declared(mask="0"), Q + "an array with .*mask.*: refused"),
    "inline": (
        said_of_array("data: [1.0, 2.0]\n      shape: [2]"),
        Q + "an array with data, shape",
    ),
    "inline, without a tag": (
        lambda w: w.replace(b"!core/ndarray-1.1.0\n      " + PLAIN.encode(), b"[[1.0], [2.0]]"),
        Q + ".*an array of numbers is wanted, not list",
    ),
    "single precision": (declared(datatype="float32"), Q + "an array of float64 or int64"),
    "text": (declared(datatype="[ascii, 8]"), Q + "an array of float64 or int64 is wanted"),
    "records": (declared(datatype="[{name: a, datatype: int64}]"), Q + "an array of float64"),
    "objects": (declared(datatype="object"), Q + "an array of float64 or int64 is wanted"),
    "another byte order": (declared(byteorder="middle"), Q + "an array of float64 or int64"),
    "a file beside": (declared(source="other.asdf"), Q + "source 'other.asdf' is no block"),
    "no such block": (declared(source=99), Q + "source 99 is no block"),
    "a block from the end": (declared(source=-1), Q + "source -1 is no block"),
    "a whole number of 5,000 digits": (
        declared(source="9" * 5000),
        r"quantiles\.source: int '9+ is not known",
    ),
    "an address": (evaluation("{$ref: 'http://example.org/#/a'}"), r"evaluation\.\$ref: "),
    "a tag of Python's": (evaluation("!!python/name:os.system x"), "python/name:os.system 'x' is"),
    "a tag of asdf's": (evaluation("!core/complex-1.0.0 1+1j"), "core/complex-1.0.0 '1.1j' is not"),
    "a tag of another's": (
        evaluation("!<tag:stsci.edu:gwcs/wcs-1.0.0> a"),
        "gwcs/wcs-1.0.0 'a' is",
    ),
    "a tag on a list": (evaluation("!!set [a]"), "evaluation: set .* is not known in a model"),
    "a time": (evaluation("2026-01-01"), "timestamp '2026-01-01' is not known in a model"),
    "bytes": (evaluation("!!binary aGk="), "binary 'aGk=' is not known in a model"),
    "a key twice": (evaluation("{a: 1.0, a: 2.0}"), "the key 'a' is no text, or there twice"),
    "a key that is a list": (evaluation("{[a]: 1.0}"), "evaluation: the key .* is no text"),
    "a block longer than the file": (
        in_block(14, (2**62).to_bytes(8, "big") * 3),
        "block \\d+ is to end at byte 4,611,686,018,.*: the file has",
    ),
    "more used than there is": (in_block(22, b"\x7f"), "the header of block \\d+ is not that of"),
    "more data than used": (in_block(30, b"\x7f"), "the header of block \\d+ is not that of"),
    "a block that is streamed": (in_block(9, b"\1"), "the header of block \\d+ is not that of"),
    "a block with a short header": (in_block(4, b"\0\1"), "header of block \\d+|no block"),
    "a block with a long header": (in_block(4, b"\xff\xff"), "block \\d+ is to end at byte"),
    "a compressed block": (in_block(10, b"zlib"), "block \\d+: compressed blocks: refused"),
    "something behind": (lambda w: w + b"\xd3BLK", None),  # in the index, which nobody reads
    "no magic number": (in_block(0, b"X"), "what follows at byte .* is no block"),
    "a cut in a block's header": (
        lambda w: w[: w.rindex(b"\xd3BLK") + 20],
        "block \\d+ is cut off",
    ),
    "a million blocks": (
        lambda w: w[: w.index(b"#ASDF BLOCK INDEX")] + (b"\xd3BLK\0\x30" + bytes(48)) * 10**6,
        "more than 10,000 blocks: refused",
    ),
    "an index that lies": (lambda w: w.replace(b"---\n- 5", b"---\n- 9"), None),
    "history of another": (lambda w: w.replace(b"history:", b"histori:"), None),
    "an extension that is evil": (
        lambda w: w.replace(b"asdf.extension._manifest.ManifestExtension", b"os.system"),
        None,
    ),
}


@pytest.fixture(scope="module")
def refusals(tmp_path_factory, peak_code):
    if sys.platform != "linux":
        pytest.skip("limits of memory hold there")
    folder = tmp_path_factory.mktemp("bombs")
    whole = packaged_models()["csc20-paper"].read_bytes()
    (folder / "other.asdf").write_bytes(whole)
    paths = [folder / f"{i}.asdf" for i in range(len(BOMBS))]
    for path, (change, _) in zip(paths, BOMBS.values(), strict=True):
        content = change(whole)
        assert content != whole
        path.write_bytes(content)
    return dict(zip(BOMBS, loaded_apart(paths, peak_code), strict=True))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_before_it_takes_memory(refusals, name):
    said, seconds, more = refusals[name]
    wanted = BOMBS[name][1]
    assert said is None if wanted is None else re.search(wanted, said)
    assert seconds < 1
    assert more < 100  # MiB


@pytest.mark.parametrize("order", ["<f8", ">f8"])
def test_numbers_of_both_byte_orders_are_read(tmp_path, order):
    path = packaged_models()["csc20-paper"]
    with asdf.open(io.BytesIO(path.read_bytes()), memmap=False, lazy_load=False) as file:
        tree = dict(file["xsift"])
    quantiles = np.array(tree["paper"]["log_density_quantiles"], order)
    tree["paper"] = tree["paper"] | {"log_density_quantiles": quantiles}
    asdf.AsdfFile({"xsift": tree}).write_to(tmp_path / "m.asdf")
    assert (b"byteorder: big" in (tmp_path / "m.asdf").read_bytes()) == (order == ">f8")
    assert same(
        load_model_tree(tmp_path / "m.asdf").model_dump(), load_model_tree(path).model_dump()
    )
