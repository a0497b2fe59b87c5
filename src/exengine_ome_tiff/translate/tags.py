"""Flat metadata: nested dicts become one dict of tags."""

from collections.abc import Iterator, Mapping

SEPARATOR = "."
_LONG_KEY = 1000
"""Longer keys are not joined; no instrument has them."""
_WRAPPED = {"PropVal": "PropType", "scalar": "type"}
"""Keys of value and type in Micro-Manager's wrapped values: 2.0-beta's properties, and 2's property maps."""


def flat(metadata: Mapping[str, object]) -> dict[str, object]:
    """Join the keys of nested dicts with dots; lists stay as they are.

    Parameters
    ----------
    metadata
        Metadata in JSON types.

    Returns
    -------
    dict
        Its only dicts are empty, or have keys longer than 1000 characters.
    """
    return dict(_flat(metadata, ""))


def _flat(metadata: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in metadata.items():
        if isinstance(value, Mapping) and value and len(prefix) + len(key) < _LONG_KEY:
            name = next((name for name in _WRAPPED if name in value), "")
            is_wrapped = {*value} == {name, _WRAPPED.get(name)}
            if is_wrapped and not isinstance(value[name], Mapping):
                yield f"{prefix}{key}", value[name]
            else:
                yield from _flat(value, f"{prefix}{key}{SEPARATOR}")
        else:
            yield f"{prefix}{key}", value


def dicts(value: object) -> list[Mapping[str, object]]:
    """Return the dicts in a list."""
    return [item for item in items(value) if isinstance(item, Mapping)]


def items(value: object) -> list[object]:
    """Return the items of a list; [] for anything else."""
    return [*value] if isinstance(value, list | tuple) else []
