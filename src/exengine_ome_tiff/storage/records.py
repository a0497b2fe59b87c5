"""The record of a frame, one line of JSON: coordinates, place in the order of arrival, metadata."""

import dataclasses
import enum
import json
import logging
from collections.abc import Callable, Mapping
from datetime import date, time
from functools import cache
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np

from exengine_ome_tiff.coordinates import Coordinates
from exengine_ome_tiff.errors import OmeTiffError

logger = logging.getLogger(__name__)

_encode = json.JSONEncoder(separators=(",", ":")).encode
_decoder = json.JSONDecoder()
_START = '{"coordinates":'
_FRAME = ',"frame":'
_METADATA = ',"metadata":'


class RecordHead(NamedTuple):
    """What of a record is needed to find it."""

    coordinates: Coordinates
    number: int


def encode_record(coordinates: Coordinates, number: int, metadata_json: str) -> bytes:
    """Make a record.

    Parameters
    ----------
    coordinates
        Coordinates of the frame.
    number
        Order of its arrival, from 0.
    metadata_json
        Its metadata, as `to_json` makes it.

    Returns
    -------
    bytes
        ASCII without line ends.
    """
    return f"{_START}{_encode(coordinates)}{_FRAME}{number}{_METADATA}{metadata_json}}}".encode("ascii")


def decode_head(record: bytes) -> RecordHead:
    """Read coordinates and number without reading the metadata.

    Raises
    ------
    OmeTiffError
        It is no record.
    """
    text = record.decode("ascii", "replace")
    try:
        coordinates, end = _decoder.raw_decode(text, len(_START))
        number = int(text[end + len(_FRAME) : text.index(_METADATA, end)])
    except ValueError as error:
        raise OmeTiffError(f"not the record of a frame: {record[:80]!r}") from error
    return RecordHead(coordinates, number)


def decode_metadata(record: bytes) -> Any:
    """Read the metadata, as new objects."""
    return json.loads(record)["metadata"]


def to_json(metadata: object) -> tuple[str, object]:
    """Turn metadata into JSON, whatever it holds.

    JSON's own types stay what they are (tuples become lists, keys become strings, NaN and infinities are
    written as Python's `json` does). NumPy scalars and arrays, dates, paths, enumerations, sets, mappings,
    dataclasses and pydantic models become the JSON nearest to them; anything else its `repr`, and a line in
    the log the first time. None, "no metadata", becomes ``{}``, as ExEngine takes None for a missing frame.

    Returns
    -------
    str
        JSON in ASCII on one line.
    object
        The same as plain values, for translation.
    """
    if metadata is None:
        metadata = {}
    try:
        return _encode(metadata), metadata
    except (TypeError, ValueError, RecursionError):
        plain = _plain(metadata, ())
        return _encode(plain), plain


def _plain(value: object, parents: tuple[int, ...]) -> object:
    """Turn a value into JSON's types; `parents` are the ids of the containers that it is in."""
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        return value if value.bit_length() < 10_000 else _described(value)
    if id(value) in parents or len(parents) > 100:
        return _described(value)
    inside = (*parents, id(value))
    fields = _fields(value)
    if fields is not None:
        return {_key(key): _plain(item, inside) for key, item in fields.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, inside) for item in value]
    for kind, convert in _CONVERSIONS.items():
        if isinstance(value, kind):
            return _plain(convert(value), inside)
    return _described(value)


def _fields(value: object) -> Mapping[Any, object] | None:
    """Return the fields of a mapping, a dataclass or a pydantic model, None for anything else."""
    if isinstance(value, Mapping):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(getattr(type(value), "model_fields", None), Mapping):
        return {name: getattr(value, name) for name in type(value).model_fields}  # type: ignore[attr-defined]
    return None


_CONVERSIONS: dict[type | tuple[type, ...], Callable[[Any], object]] = {
    (np.generic, np.ndarray): lambda value: value.tolist(),
    (date, time): lambda value: value.isoformat(),
    PurePath: str,
    enum.Enum: lambda value: value.value,
}


def _key(key: object) -> str:
    if isinstance(key, str):
        return str(key)
    plain = _plain(key, ())
    return plain if isinstance(plain, str) else json.dumps(plain)


def _described(value: object) -> str:
    _log_once(type(value).__qualname__)
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 - a stranger's __repr__ raises what it likes, and the frame must be kept
        return object.__repr__(value)


@cache
def _log_once(kind: str) -> None:
    logger.warning("metadata of type %s has no JSON form: its repr is stored", kind)
