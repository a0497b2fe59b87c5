"""Metadata about people and computers, and its removal."""

import json
from collections.abc import Collection, Iterable

PRIVATE = frozenset(
    {
        *("UserName", "ProfileName", "ComputerName", "Directory", "Prefix", "save_dir", "root", "prefix"),
        *("system_configuration_file", "primary_log_file", "device_adapter_search_paths"),
    }
)
"""Keys that are removed from the summary in the OME-XML, at any depth."""


def names_to_exclude(given: str | Iterable[str] | None) -> frozenset[str]:
    """Read the option ``exclude_metadata``: names of keys, or "private" for the keys in `PRIVATE`.

    Raises
    ------
    TypeError
        The option is neither.
    """
    names = [given] if isinstance(given, str) else [*(given or ())]
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None:
        raise TypeError(f'got exclude_metadata={given!r}, expected names of keys, or "private"')
    return frozenset(names) - {"private"} | (PRIVATE if "private" in names else frozenset())


def without(metadata: object, names: Collection[str], found: set[str], path: str = "") -> object:
    """Return metadata without keys of these names, at any depth, also in text that is a JSON object.

    Parameters
    ----------
    metadata
        Values of JSON types.
    names
        Names of keys, or paths of keys joined with dots.
    found
        Collects the names that were removed.
    path
        Path of the metadata.
    """
    if isinstance(metadata, dict):
        inside = {key: f"{path}.{key}" if path else str(key) for key in metadata}
        found.update(name for pair in inside.items() for name in pair if name in names)
        return {
            key: without(value, names, found, inside[key])
            for key, value in metadata.items()
            if key not in names and inside[key] not in names
        }
    if isinstance(metadata, list | tuple):
        return [without(item, names, found, path) for item in metadata]
    if isinstance(metadata, str) and metadata.lstrip().startswith("{"):
        try:
            value = json.loads(metadata)
        except (ValueError, RecursionError):
            return metadata
        kept = without(value, names, found, path)
        return metadata if kept == value else json.dumps(kept)
    return metadata
