"""Read plain ASDF: text, numbers, and arrays that are views of the file's own bytes.

asdf writes our files, but it allocates what a file declares (strides of 0 make 256 MiB of 8 bytes)
and follows addresses. This reads what asdf writes for a plain tree, and refuses all else: no array
can be larger than its block, and nothing is opened, decompressed, or built by a tag.
"""

from __future__ import annotations

import math
import struct
from typing import Any

import numpy as np

__all__ = ["read_plain"]

# A model's header is some KiB. YAML is slow to read, and deep nesting overflows libyaml's stack.
_MAX_HEADER = 256 * 1024
_MAX_DEPTH = 32
_MAX_BLOCKS = 10_000  # more than a header of this size can name
_MAGIC = b"\xd3BLK"
_BLOCK = struct.Struct(">HI4sQQQ16s")  # size of this, flags, compression, allocated, used, data
_NDARRAY = "tag:stsci.edu:asdf/core/ndarray-1.1.0"
_YAML = "tag:yaml.org,2002:"
_NUMBERS = {"float64": "f8", "int64": "i8"}
_ORDERS = {"little": "<", "big": ">"}


def read_plain(content: bytes, key: str) -> Any:
    """Return what a file has at the top level under a key, None where it has no such key.

    Arrays are views of `content`: read-only, of 8-byte numbers, perhaps of foreign byte order.

    Raises
    ------
    ValueError
        If the file is damaged, or holds more than plain text, numbers and arrays.
    """
    end = content.find(_MAGIC)  # the first of these bytes cannot stand in UTF-8 before the second
    root = _yaml_tree((content[:end] if end >= 0 else content).rstrip(b"\0"))
    blocks = _blocks(content, end) if end >= 0 else {}
    for name, node in getattr(root, "value", ()):
        if name.value == key:
            return _plain(node, key, blocks)
    return None


def _yaml_tree(header: bytes) -> Any:
    """Parse the header, without what a few bytes can make large: aliases, nesting."""
    import yaml

    if len(header) > _MAX_HEADER:
        raise ValueError("the header is too large for a model")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    depth = 0
    try:
        for event in yaml.parse(header, Loader=loader):
            if isinstance(event, yaml.AliasEvent):
                raise ValueError("the file repeats parts of itself (YAML aliases): refused")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > _MAX_DEPTH:
                raise ValueError("nested deeper than a model: refused")
        root = yaml.compose(header, Loader=loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ValueError(f"the header is no YAML{where}") from error
    return root if isinstance(root, yaml.MappingNode) else None


def _blocks(content: bytes, at: int) -> dict[int, memoryview]:
    """Return the bytes of each block; they follow each other up to an index, which is optional."""
    blocks: dict[int, memoryview] = {}
    while content.startswith(_MAGIC, at):
        what, start = f"block {len(blocks)}", at + len(_MAGIC)
        if len(blocks) >= _MAX_BLOCKS:
            raise ValueError(f"more than {_MAX_BLOCKS:,} blocks: refused")
        if start + _BLOCK.size > len(content):
            raise ValueError(f"{what} is cut off")
        size, flags, compression, allocated, used, n_data, _ = _BLOCK.unpack_from(content, start)
        if compression != b"\0\0\0\0":
            raise ValueError(f"{what}: compressed blocks: refused")
        start += 2 + size
        at = start + allocated
        if at > len(content):
            raise ValueError(f"{what} is to end at byte {at:,}: the file has {len(content):,}")
        if flags or size < _BLOCK.size - 2 or not n_data == used <= allocated:
            raise ValueError(f"the header of {what} is not that of a block of a model")
        blocks[len(blocks)] = memoryview(content)[start : start + used]
    if at < len(content) and not content.startswith(b"#ASDF BLOCK INDEX", at):
        raise ValueError(f"what follows at byte {at:,} is no block")
    return blocks


def _plain(node: Any, where: str, blocks: dict[int, memoryview]) -> Any:
    """Build the value of a node; an array takes its block out of `blocks`."""
    if node.tag == _YAML + "map" or node.tag == _NDARRAY:
        tree = {}
        for name, value in node.value:
            if name.tag != _YAML + "str" or name.value in tree:
                raise ValueError(f"{where}: the key {name.value!r:.40} is no text, or there twice")
            tree[name.value] = _plain(value, f"{where}.{name.value}", blocks)
        return _array(tree, where, blocks) if node.tag == _NDARRAY else tree
    if node.tag == _YAML + "seq":
        return [_plain(value, f"{where}.{i}", blocks) for i, value in enumerate(node.value)]
    try:
        return _scalar(node.tag.removeprefix(_YAML), node.value)
    except (ValueError, KeyError) as error:
        kind = node.tag.removeprefix(_YAML)
        raise ValueError(f"{where}: {kind} {node.value!r:.40} is not known in a model") from error


def _scalar(kind: str, text: str) -> Any:
    if kind == "str":
        return text
    if kind == "int":
        return int(text)
    if kind == "float":
        return float({".inf": "inf", "-.inf": "-inf", ".nan": "nan"}.get(text, text))
    words: dict[str, dict[str, bool | None]]
    words = {"null": {"null": None}, "bool": {"true": True, "false": False}}
    return words[kind][text]


def _array(said: dict[str, Any], where: str, blocks: dict[int, memoryview]) -> np.ndarray:
    """Return the array that a whole block holds."""
    if set(said) != {"source", "datatype", "byteorder", "shape"}:
        raise ValueError(f"{where}: an array with {', '.join(sorted(said))}: refused")
    source, shape = said["source"], said["shape"]
    if type(source) is not int or (block := blocks.pop(source, None)) is None:
        raise ValueError(f"{where}: source {source!r:.40} is no block, or another array's: refused")
    try:
        number = np.dtype(_ORDERS[said["byteorder"]] + _NUMBERS[said["datatype"]])
    except (KeyError, TypeError) as error:
        raise ValueError(f"{where}: an array of float64 or int64 is wanted") from error
    if not isinstance(shape, list) or len(shape) > 4 or any(type(n) is not int for n in shape):
        raise ValueError(f"{where}: a shape of four whole numbers at most is wanted")
    # The product of Python's integers cannot overflow.
    if min(shape, default=1) < 0 or math.prod(shape) * number.itemsize != len(block):
        raise ValueError(f"{where}: shape {shape!r:.80} does not fill {len(block):,} bytes")
    return np.frombuffer(block, number).reshape(shape)
