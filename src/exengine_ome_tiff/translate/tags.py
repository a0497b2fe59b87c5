"""Metadata as tags: one flat dict, whatever was nested in it."""

from collections.abc import Iterator, Mapping

SEPARATOR = "."
_WRAPPED = ("PropVal", "scalar")
"""What Micro-Manager wraps a value in: 2.0-beta's properties, and the property maps of 2."""
_PAIR = 2  # with its type


def flat(metadata: Mapping[str, object]) -> dict[str, object]:
    """Join the keys of nested dicts with dots; lists stay what they are.

    Parameters
    ----------
    metadata
        JSON's types.

    Returns
    -------
    dict
        No value is a dict that is not empty.
    """
    return dict(_flat(metadata, ""))


def _flat(metadata: Mapping[str, object], prefix: str) -> Iterator[tuple[str, object]]:
    for key, value in metadata.items():
        if isinstance(value, Mapping) and value:
            wrapped = next((value[name] for name in _WRAPPED if name in value and len(value) <= _PAIR), None)
            if wrapped is not None and not isinstance(wrapped, Mapping):
                yield f"{prefix}{key}", wrapped
            else:
                yield from _flat(value, f"{prefix}{key}{SEPARATOR}")
        else:
            yield f"{prefix}{key}", value
