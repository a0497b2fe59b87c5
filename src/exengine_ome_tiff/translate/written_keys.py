"""Metadata keys whose values of planes are in an image."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.pieces import pieces
from exengine_ome_tiff.translate.form import Form, first_known
from exengine_ome_tiff.translate.tag_columns import NULL, Rows
from exengine_ome_tiff.translate.translator import is_known
from exengine_ome_tiff.translate.values import Frames, PlaneValues

LABEL = "label"
"""Name in `Written.facts` for the labels of all devices."""


@dataclass(frozen=True)
class Written:
    """The values written into an image.

    Parameters
    ----------
    planes
        Returns the values of some of the image's frames, given a field of `PlaneValues` and the frames; NaN
        where nothing was written.
    facts
        Values by field of `FrameValues` or `CameraValues`.
    """

    planes: Callable[[str, Frames], npt.NDArray[np.float64]]
    facts: Mapping[str, frozenset[object]] = field(default_factory=dict)


def keys_of_planes(form: Form, frames: Frames, rows: Rows, written: Written | None) -> set[str]:
    """Return the keys whose values were written for all frames that have them, and for at least one.

    Parameters
    ----------
    form
        The form of the frames.
    frames, rows
        Their numbers, and their rows in that form, shape (n,).
    written
        The values written; None stands for all that can be read.
    """
    keys, found = {*form.keys}, set[str]()
    own = form.own_plane(int(rows[0])) if written is None else PlaneValues()
    middle = len(rows) // 2  # a single frame rules out most keys whose values were not written
    for piece in (slice(middle, middle + 1), *pieces(len(rows))):
        planes = {
            name: _in_metadata(form, name, rows[piece], own)
            if written is None
            else written.planes(name, frames[piece])
            for name, candidates in form.plan.candidates.items()
            if not keys.isdisjoint(each.key for each in candidates)
        }
        by_key = _written_rows(form, rows[piece], planes, keys)
        keys = {key for key, each in by_key.items() if _is_written_or_null(form, rows[piece], key, each)}
        found |= {key for key in keys if by_key[key].any()}
    return found & keys


def are_own_written(form: Form, frames: Frames, rows: Rows, written: Written) -> bool:
    """Whether all frames have the values that matching translators provide for the first one."""
    known = [name for name, value in form.own_plane(int(rows[0]))._asdict().items() if is_known(value)]
    return not any(
        np.isnan(written.planes(name, frames[piece])).any() for name in known for piece in pieces(len(frames))
    )


def _in_metadata(form: Form, name: str, rows: Rows, own: PlaneValues) -> npt.NDArray[np.float64]:
    """Return the values of a field in the metadata of rows; `own` has those of translators."""
    if is_known(getattr(own, name)):
        return np.full(len(rows), getattr(own, name))
    return first_known([form.values(candidate, rows) for candidate in form.plan.candidates[name]])


def _written_rows(
    form: Form, rows: Rows, planes: Mapping[str, npt.NDArray[np.float64]], keys: Collection[str]
) -> dict[str, npt.NDArray[np.bool_]]:
    """Find the rows whose planes hold the value of each key that has a value of planes."""
    by_key: dict[str, npt.NDArray[np.bool_]] = {}
    for name, candidates in form.plan.candidates.items():
        is_sole = len(candidates) == 1 and not form.plan.has_own
        for candidate in candidates:
            if candidate.key in keys:
                is_written = (
                    ~np.isnan(planes[name]) if is_sole else form.values(candidate, rows) == planes[name]
                )
                by_key[candidate.key] = by_key.get(candidate.key, False) | is_written
    return by_key


def _is_written_or_null(form: Form, rows: Rows, key: str, is_written: npt.NDArray[np.bool_]) -> bool:
    return bool(is_written.all() or (is_written | (form.columns.texts(key, rows) == NULL)).all())
