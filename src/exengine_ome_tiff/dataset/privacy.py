"""What the metadata says of people and computers, and how to leave it out."""

import json
from collections.abc import Collection, Iterable

PRIVATE = frozenset(
    {
        *("UserName", "ProfileName", "ComputerName", "Directory", "Prefix", "save_dir", "root", "prefix"),
        *("system_configuration_file", "primary_log_file", "device_adapter_search_paths"),
    }
)
"""Keys that the summary in the OME-XML lacks, wherever they are in it."""


def names_to_exclude(given: str | Iterable[str] | None) -> frozenset[str]:
    """Read the option ``exclude_metadata``: names of keys, or "private" for those of `PRIVATE`.

    Raises
    ------
    TypeError
        It is something else.
    """
    names = [given] if isinstance(given, str) else [*(given or ())]
    wrong = next((name for name in names if not isinstance(name, str)), None)
    if wrong is not None:
        raise TypeError(f'got exclude_metadata={given!r}, expected names of keys, or "private"')
    return frozenset(names) - {"private"} | (PRIVATE if "private" in names else frozenset())


def without(metadata: object, names: Collection[str], found: set[str], path: str = "") -> object:
    """Return metadata without keys of these names, at any depth, and in texts that are JSON objects.

    Parameters
    ----------
    metadata
        JSON's types.
    names
        Of keys, or of keys with those that they are in, joined with dots.
    found
        Takes up the names of what is left out.
    path
        Where the metadata is.
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
