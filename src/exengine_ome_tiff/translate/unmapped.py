"""Tags that OME has no place for, of all frames: those that are alike once, the others as columns."""

import json
from collections.abc import Collection, Mapping
from copy import deepcopy
from json.encoder import encode_basestring_ascii as encode_text
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.translate.translator import Tags, Translator

_MAX_CHARACTERS = 1 << 22
"""How long all values of a tag may be beside 64 characters a frame; beyond, they are in the records only."""
_CHARACTERS_A_FRAME = 64
_MANY_KEYS, _MANY_TEXTS = 1000, 1 << 20
"""How many tags are kept of an image whose frames have different ones: so many, or so many texts."""


class Form:
    """Frames whose metadata has the same keys.

    Parameters
    ----------
    number
        Of this form.
    translator
        Understands the metadata.
    tags
        Flat metadata of the first frame.
    metadata
        The same as it was put.
    """

    def __init__(self, number: int, translator: Translator, tags: Tags, metadata: Tags) -> None:
        self.number = number
        self.translator = translator
        self.may_nest = tuple(
            key for key in tags if key in metadata and isinstance(metadata[key], Mapping | None)
        )
        """Keys of what was a dict, or None, and may be a dict in another frame."""
        self.described = frozenset(translator.described(tags))
        """Tags that OME has a place for where all planes of an image have them alike."""
        self._rows = 0
        self._columns: dict[str, _Column] = {}
        translated = {*translator.translated(tags)}
        # a copy, as a caller may change a list of his
        self._constant = {key: deepcopy(value) for key, value in tags.items() if key not in translated}
        self._pick()

    def add(self, tags: Tags, changed: Collection[str] | None = None) -> int:
        """Keep the tags of the next frame; return its row.

        Parameters
        ----------
        tags
            Flat metadata.
        changed
            Keys of all values that differ from the frame added before; None where nobody knows.
        """
        may_differ = changed is None or not self._constant.keys().isdisjoint(changed)
        if may_differ and self._get is not None and self._get(tags) != self._expected:
            for key, value in list(self._constant.items()):
                if tags[key] != value or type(tags[key]) is not type(value):
                    self._columns[key] = _Column(json.dumps(value), self._rows)
                    del self._constant[key]
            self._pick()
        for key, column in self._columns.items():
            value = tags[key]
            column.append(encode_text(value) if type(value) is str else json.dumps(value), self._rows)
        self._rows += 1
        return self._rows - 1

    @property
    def kept(self) -> tuple[str, ...]:
        """Keys of the tags that are kept."""
        return (*self._constant, *self._columns)

    def constant_text(self, key: str) -> str | None:
        """Return the JSON of a tag that was the same in all frames, None where it was not."""
        return json.dumps(self._constant[key]) if key in self._constant else None

    def texts(self, key: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.object_] | str:
        """Return the JSON of a tag of frames by their rows, one text where it is the same for all."""
        if key in self._columns:
            return self._columns[key].texts()[rows]
        return self.constant_text(key) or "null"

    def is_too_long(self, key: str) -> bool:
        """Whether the values of a tag were too long to be kept."""
        return key in self._columns and self._columns[key].is_too_long

    def _pick(self) -> None:
        """Prepare to compare all values that were the same so far with one call."""
        keys = tuple(self._constant)
        self._get = itemgetter(*keys) if keys else None
        self._expected = self._get(self._constant) if self._get is not None else None


class _Column:
    """JSON of one tag of many frames, a byte or two beside the text itself for each.

    Parameters
    ----------
    value
        JSON of the first frames, which had the tag alike.
    count
        How many those were.
    """

    _CHUNK = 1024

    def __init__(self, value: str, count: int) -> None:
        self.is_too_long = False
        self._value = value
        self._count = count
        self._next = count
        """Row of the next frame."""
        self._characters = 0
        self._chunks: list[str] = []
        self._last: list[str] = []
        self._all: npt.NDArray[np.object_] | None = None

    def append(self, value: str, row: int) -> None:
        """Add the JSON of a frame, in place of one that an interrupt kept from becoming that row."""
        if self.is_too_long:
            return
        if row != self._next:
            if not self._last:  # both at once, whatever interrupts us, here and below
                self._chunks, self._last = self._chunks[:-1], self._chunks[-1].split("\n")
            del self._last[row - self._next :]
        self._next = row + 1
        self._all = None
        self._last.append(value)
        self._characters += len(value) - _CHARACTERS_A_FRAME
        if self._characters > _MAX_CHARACTERS:
            self.is_too_long = True
            self._chunks, self._last = [], []
        elif len(self._last) == self._CHUNK:
            self._chunks, self._last = [*self._chunks, "\n".join(self._last)], []

    def texts(self) -> npt.NDArray[np.object_]:
        """Return the JSON of all frames, shape (frames,)."""
        if self._all is None:
            split = [text for chunk in self._chunks for text in chunk.split("\n")]
            self._all = np.array([self._value] * self._count + split + self._last, object)
        return self._all


def collect(
    forms: Mapping[int, Form], form_of: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Collect the tags of some frames.

    Parameters
    ----------
    forms
        By number.
    form_of, rows
        Of each of the frames its form, and its row there; shape (n,).

    Returns
    -------
    dict
        Tags that all the frames have alike, as JSON; without those that OME describes the image by.
    dict
        Of each other tag its JSON, one for each frame, "null" where it is missing; empty where they were too
        long to be kept.
    """
    parts = [(forms[number], form_of == number) for number in np.unique(form_of).tolist()]
    constant: dict[str, str] = {}
    varying: dict[str, list[str]] = {}
    most = max(_MANY_KEYS, _MANY_TEXTS // len(form_of))
    for number, key in enumerate(dict.fromkeys(key for form, _ in parts for key in form.kept)):
        if (number >= most and len(parts) > 1) or any(form.is_too_long(key) for form, _ in parts):
            varying[key] = []
            continue
        only = parts[0][0].constant_text(key) if len(parts) == 1 else None
        if only is None:
            texts = np.full(len(form_of), "null", object)
            for form, is_of in parts:
                texts[is_of] = form.texts(key, rows[is_of])
            if not (texts == texts[0]).all():
                varying[key] = texts.tolist()
                continue
            only = str(texts[0])
        if not all(key in form.described for form, _ in parts):
            constant[key] = only
    return constant, varying
