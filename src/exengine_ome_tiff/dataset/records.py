"""The record of a frame, one line of JSON: coordinates, arrival number, metadata."""

import dataclasses
import enum
import json
import logging
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from functools import lru_cache
from pathlib import PurePath
from typing import Any, NamedTuple

import numpy as np

from exengine_ome_tiff.coordinates.keys import Coordinates, read_coordinates
from exengine_ome_tiff.errors import OmeTiffError
from exengine_ome_tiff.text_format import excerpt_text
from exengine_ome_tiff.translate.key_names import TIMES_S, name_of

logger = logging.getLogger(__name__)

encode_json = json.JSONEncoder(separators=(",", ":")).encode
"""Encodes values with a JSON form, in ASCII on one line."""

_text = lru_cache(maxsize=4096)(encode_json)
_decoder = json.JSONDecoder()
_MAX_DEPTH = 200
_MOST_LOGGED = 100
"""Maximum number of types without a JSON form that are logged for a dataset."""
_FLAT = (str, int, float, type(None))
_MAX_INT_BITS = 10_000
_START = '{"coordinates":'
_FRAME = ',"frame":'
_METADATA = ',"metadata":'


class RecordHead(NamedTuple):
    """The part of a record that identifies its frame."""

    coordinates: Coordinates
    number: int


def encode_record(coordinates: Coordinates, number: int, metadata_json: str) -> bytes:
    """Make a record.

    Parameters
    ----------
    coordinates
        Coordinates of the frame.
    number
        Its arrival number, from 0.
    metadata_json
        Its metadata, as `to_json` returns it.

    Returns
    -------
    bytes
        ASCII without line ends.
    """
    inside = ",".join(
        [
            f"{_text(axis)}:{value if isinstance(value, int) else _text(value)}"
            for axis, value in coordinates.items()
        ]
    )
    return f"{_START}{{{inside}}}{_FRAME}{number}{_METADATA}{metadata_json}}}".encode("ascii")


def decode_head(record: bytes) -> RecordHead:
    """Read coordinates and arrival number without the metadata.

    Raises
    ------
    OmeTiffError
        It is not a record.
    """
    text = record.decode("ascii", "replace")
    try:
        coordinates, end = _decoder.raw_decode(text, len(_START))
        number = int(text[end + len(_FRAME) : text.index(_METADATA, end)])
        if not text.startswith(_START):
            raise ValueError(f"it does not begin with {_START}")  # noqa: TRY301
        return RecordHead(read_coordinates(coordinates), number)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise OmeTiffError(f"not the record of a frame: {excerpt_text(record)}") from error


def decode_metadata(record: bytes) -> Any:
    """Read the metadata, as new objects.

    Raises
    ------
    OmeTiffError
        It is not a record.
    """
    try:
        text = record.decode("ascii")
        whole, end = _decoder.raw_decode(text)
        if end < len(text):
            raise ValueError(f"{len(text) - end} characters follow it")  # noqa: TRY301
        metadata = whole["metadata"]
        is_flat = record.count(b"{") + record.count(b"[") < _MAX_DEPTH
        return metadata if is_flat else check_depth(metadata)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise OmeTiffError(f"the metadata of a frame cannot be read: {excerpt_text(record)}") from error


def decode_tags(record: bytes) -> dict[str, Any]:
    """Read the metadata as tags; empty if it cannot be read, which is logged."""
    try:
        metadata = decode_metadata(record)
    except OmeTiffError as error:
        logger.warning("%s", error)
        return {}
    return as_tags(metadata)


def as_tags(metadata: Any) -> dict[str, Any]:
    """Return metadata as tags; the name of metadata that is not a dict is "metadata"."""
    if isinstance(metadata, dict):
        return metadata
    return {"metadata": metadata} if metadata else {}


def check_depth(value: Any) -> Any:
    """Return JSON values if they are not nested deeper than `to_json` allows.

    Raises
    ------
    ValueError
        They are nested deeper, as in files of other programs only.
    """
    level = [value]
    for _ in range(_MAX_DEPTH + 2):
        inside = [each.values() if isinstance(each, dict) else each for each in level]
        level = [item for items in inside if not isinstance(items, _FLAT) for item in items]
        if not level:
            return value
    raise ValueError(f"nested more than {_MAX_DEPTH} deep")


def to_json(metadata: object, logged: set[str] | None = None) -> tuple[str, object]:
    """Convert any metadata to JSON.

    JSON types are kept: tuples become lists, keys become strings, NaN and infinities are written like
    Python's `json` does. NumPy scalars and arrays, dates, time spans (in seconds), paths, enumerations, sets,
    mappings, dataclasses and pydantic models become the nearest JSON type. All other values, and values
    nested more than 200 levels deep, become their `repr`. None, "no metadata", becomes ``{}``, because
    ExEngine interprets None as a missing frame.

    Parameters
    ----------
    metadata
        Anything.
    logged
        Names of types without a JSON form that have been logged; other types are logged and added. None to
        log nothing.

    Returns
    -------
    str
        JSON in ASCII on one line.
    object
        The same as values of JSON types, for translation.
    """
    if metadata is None:
        metadata = {}
    try:
        text = encode_json(metadata)
    except Exception:  # noqa: BLE001 - foreign objects may raise anything, and the frame must be kept
        text = ""
    if not text or text.count("[") + text.count("{") > _MAX_DEPTH:
        plainer = _Plainer()
        metadata = plainer.plain(metadata, ())
        text = encode_json(metadata)
        if logged is not None:
            _log_types(plainer.described, logged)
    return text, metadata


def _log_types(kinds: Iterable[str], logged: set[str]) -> None:
    """Log types whose `repr` is stored, each once, up to a maximum number."""
    for kind in kinds:
        if kind not in logged and len(logged) < _MOST_LOGGED:
            logged.add(kind)
            logger.warning("metadata of type %s has no JSON form: its repr is stored", kind)


class _Plainer:
    """Converts values to JSON types; `described` has the types without a JSON form."""

    def __init__(self) -> None:
        self.described: dict[str, None] = {}

    def plain(self, value: object, parents: tuple[int, ...]) -> object:
        """Convert a value to JSON types; `parents` are the ids of the containers around it."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, float):
            return float(value)
        if isinstance(value, int) and value.bit_length() < _MAX_INT_BITS:
            return int(value)
        if id(value) in parents or len(parents) >= _MAX_DEPTH:
            return self._described(value)
        try:
            container = self._container(value)
        except Exception:  # noqa: BLE001 - as above
            return self._described(value)
        inside = (*parents, id(value))
        if isinstance(container, dict):
            named = ((self._key(key), item) for key, item in container.items())
            return {
                name: _span(name, item) if isinstance(item, timedelta) else self.plain(item, inside)
                for name, item in named
            }
        if isinstance(container, list):
            return [self.plain(item, inside) for item in container]
        return container

    def _container(self, value: Any) -> object:
        """Convert a value to a dict or a list of any items, or to a str."""
        if isinstance(value, Mapping):
            return dict(value.items())
        if isinstance(value, list | tuple | set | frozenset):
            return list(value)
        if isinstance(value, np.generic | np.ndarray):
            return self.plain(value.tolist(), ()) if isinstance(value, np.generic) else value.tolist()
        if isinstance(value, timedelta):
            return value.total_seconds()
        if isinstance(value, date | time):
            return value.isoformat()
        if isinstance(value, PurePath):
            return str(value)
        if isinstance(value, enum.Enum):
            return self.plain(value.value, ())
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in dataclasses.fields(value) if hasattr(value, field.name)]
            return {name: getattr(value, name) for name in names}
        if hasattr(
            type(value), "model_fields"
        ):  # pydantic; not by iteration, which useq's sequences redefine
            own = {name: getattr(value, name) for name in type(value).model_fields}
            return own | (getattr(value, "model_extra", None) or {})
        return self._described(value)

    def _key(self, key: object) -> str:
        """Convert a key to a string; numbers like JSON does."""
        plain = self.plain(key, ())
        return plain if isinstance(plain, str) else json.dumps(plain)

    def _described(self, value: object) -> str:
        self.described[type(value).__qualname__] = None
        try:
            return repr(value)
        except Exception:  # noqa: BLE001 - as above
            return object.__repr__(value)


def _span(key: str, span: timedelta) -> float:
    """Return a time span in the unit that its key names, else in seconds."""
    name = name_of(key)
    unit_s = TIMES_S.get(name.unit or "", 1.0) if name.words else 1.0
    return span.total_seconds() / unit_s
