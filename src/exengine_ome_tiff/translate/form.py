"""Frames whose metadata has the same keys: how they are read, and their tags."""

import json
from collections.abc import Mapping
from copy import copy

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.translate.plan import Candidate, Plan
from exengine_ome_tiff.translate.tag_columns import TagColumns
from exengine_ome_tiff.translate.translator import Tags
from exengine_ome_tiff.translate.values import UNKNOWN, PlaneValues

UNKEPT = 256
"""So many sets of keys are kept. Number of the form of frames of which nothing is kept; those of which only
what is understood is kept have larger ones."""


class Form:
    """Frames whose metadata has the same keys.

    Parameters
    ----------
    number
        Of this form.
    plan
        Reads the metadata.
    tags
        Flat metadata of the first frame, those that are kept.
    metadata
        The same as it was put.
    """

    def __init__(self, number: int, plan: Plan, tags: Tags, metadata: Tags) -> None:
        self.number = number
        self.plan = plan
        self.keys = frozenset(tags)
        self.may_nest = tuple(
            key for key in tags if key in metadata and isinstance(metadata[key], Mapping | None)
        )
        """Keys of what was a dict, or None, and may be a dict in another frame."""
        self.columns = TagColumns(tags)
        self.add = self.columns.add

    def snapshot(self) -> "Form":
        """Return the same frames, while none is added; they stay as they are then."""
        other = copy(self)
        other.columns = self.columns.snapshot()
        other.add = other.columns.add
        return other

    def own_plane(self, row: int) -> PlaneValues:
        """Return what translators of users tell of the plane of a frame, by its row."""
        return self.plan.own_plane(self.columns.tags(row)) if self.plan.has_own else PlaneValues()

    def values(self, candidate: Candidate, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Read what a key tells of planes, by their rows; shape (rows,), NaN where nothing."""
        columns = self.columns
        key, expected = candidate.only_if or (candidate.key, None)
        if columns.is_too_long(candidate.key) or key not in self.keys:
            return np.full(len(rows), UNKNOWN)
        text = columns.constant_text(candidate.key)
        if text is not None:
            values = np.full(len(rows), candidate.read(json.loads(text)))
        else:
            texts = columns.texts(candidate.key, rows).tolist()
            known = {text: candidate.read(json.loads(text)) for text in dict.fromkeys(texts)}
            values = np.array([known[text] for text in texts])
        if candidate.only_if:
            values[columns.texts(key, rows) != json.dumps(expected)] = UNKNOWN
        return values
