"""Hidden folders that a killed process has left beside a dataset, in words."""

from pathlib import Path

from exengine_ome_tiff.dataset.location import PART_SUFFIX, REPLACED_SUFFIX, Location
from exengine_ome_tiff.text_format import command_text


def leftover_text(path: Path) -> str | None:
    """Say what a killed process has left beside a path, and what to do; None where there is nothing."""
    try:
        location = Location.of(path)
    except ValueError:
        return None  # nothing can be written there
    replaced, part = (location.beside(suffix) for suffix in (REPLACED_SUFFIX, PART_SUFFIX))
    if part.is_dir():
        return f"{part.name} is the result of an interrupted conversion to it. To resume, convert again"
    if not replaced.is_dir():
        return None
    recover = command_text("exengine-ome-tiff", "recover", path)
    if path.exists():
        return f"{replaced.name} has the dataset that it replaces. Move that, or delete it: {recover}"
    return f"{replaced.name} has a dataset that was to be replaced. To move it back: {recover}"
