"""Which dialect metadata speaks, what it says, and what it has that OME has no place for."""

import json
import logging
from array import array
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points
from operator import itemgetter
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.translate.acqengj import AcquisitionEngine
from exengine_ome_tiff.translate.mmcore import MMCore
from exengine_ome_tiff.translate.plain import Plain
from exengine_ome_tiff.translate.pymmcoreplus import PymmcorePlus
from exengine_ome_tiff.translate.studio import Studio
from exengine_ome_tiff.translate.tags import flat
from exengine_ome_tiff.translate.translator import Translator
from exengine_ome_tiff.translate.values import FrameValues, PlaneValues, SummaryValues

logger = logging.getLogger(__name__)
T = TypeVar("T")

ENTRY_POINTS = "exengine_ome_tiff.translators"
BUILT_IN: tuple[type[Translator], ...] = (PymmcorePlus, AcquisitionEngine, Studio, MMCore, Plain)
_NOTHING = Translator()
_MAX_FORMS = 256


class Interpreter:
    """Understands metadata, and keeps of all frames the tags that OME has no place for.

    Parameters
    ----------
    translators
        Asked before those of installed packages and the built-in ones.
    """

    def __init__(self, translators: Iterable[Translator] = ()) -> None:
        self._translators = (*translators, *_installed(), *(dialect() for dialect in BUILT_IN))
        self._forms: dict[tuple[str, ...], _Form] = {}
        self._all_forms: list[_Form] = []
        self._form_of = array("I")
        self._row_of = array("I")

    def read(self, metadata: Mapping[str, object]) -> PlaneValues:
        """Take the metadata of the next frame.

        Parameters
        ----------
        metadata
            JSON's types.

        Returns
        -------
        PlaneValues
            What differs from plane to plane.
        """
        form = self._form(tuple(metadata), metadata)
        tags = metadata
        if form.is_nested:
            tags = flat(metadata)
            form = self._form(tuple(tags), tags)
        self._form_of.append(form.number)
        self._row_of.append(form.add(tags))
        return form.plane(tags)

    def frame(self, metadata: Mapping[str, object]) -> FrameValues:
        """Tell what else a frame says."""
        tags = flat(metadata)
        translator = self._form(tuple(tags), tags).translator
        return _asked(translator.frame, tags, FrameValues())

    def summary(self, metadata: object) -> SummaryValues:
        """Tell what summary metadata says."""
        if not isinstance(metadata, Mapping):
            return SummaryValues()
        tags = flat(metadata)
        return _asked(self._translator(tags).summary, tags, SummaryValues())

    def rest(self, frames: npt.NDArray[np.int64]) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Collect the tags of frames that OME has no place for, as JSON.

        Parameters
        ----------
        frames
            Numbers of frames, shape (n,), in the order in which `read` took them.

        Returns
        -------
        dict
            Tags that all frames have alike.
        dict
            Of each other tag its values, one for each frame, "null" where it is missing.
        """
        form_of, rows = (np.array(column, np.int64)[frames] for column in (self._form_of, self._row_of))
        parts = [(self._all_forms[number], form_of == number) for number in np.unique(form_of).tolist()]
        constant: dict[str, str] = {}
        varying: dict[str, list[str]] = {}
        for key in dict.fromkeys(key for form, _ in parts for key in form.kept):
            if len(parts) == 1 and parts[0][0].constant_text(key) is not None:
                constant[key] = str(parts[0][0].constant_text(key))
                continue
            texts = np.full(len(frames), "null", object)
            for form, is_of in parts:
                texts[is_of] = form.texts(key, rows[is_of])
            if (texts == texts[0]).all():
                constant[key] = texts[0]
            else:
                varying[key] = texts.tolist()
        return constant, varying

    def _form(self, keys: tuple[str, ...], tags: Mapping[str, object]) -> "_Form":
        form = self._forms.get(keys)
        if form is None:
            is_nested = any(isinstance(value, Mapping) and value for value in tags.values())
            translator = self._translator(flat(tags))
            is_kept = len(self._all_forms) < _MAX_FORMS
            form = _Form(len(self._all_forms), translator, tags if is_kept else {}, is_nested=is_nested)
            if is_kept:
                self._forms[keys] = form
            elif len(self._all_forms) == _MAX_FORMS:
                logger.warning("more than %d sets of metadata keys: the rest is in records only", _MAX_FORMS)
            self._all_forms.append(form)
        return form

    def _translator(self, tags: Mapping[str, object]) -> Translator:
        for translator in self._translators:
            if _asked(translator.speaks, tags, False):
                return translator
        return _NOTHING


class _Form:
    """Metadata of the same keys: who translates it, and the values that OME has no place for."""

    def __init__(
        self, number: int, translator: Translator, tags: Mapping[str, object], *, is_nested: bool
    ) -> None:
        self.number = number
        self.translator = translator
        self.is_nested = is_nested
        self._is_built_in = type(translator) in BUILT_IN
        self._rows = 0
        nothing: Iterable[str] = ()
        translated = {*(nothing if is_nested else _asked(translator.translated, tags, nothing))}
        self._constant = {key: value for key, value in tags.items() if key not in translated}
        self._columns: dict[str, _Column] = {}
        self._pick()

    def plane(self, tags: Mapping[str, object]) -> PlaneValues:
        if self._is_built_in:
            return self.translator.plane(tags)
        try:
            return PlaneValues._make(map(float, self.translator.plane(tags)))
        except Exception as error:  # noqa: BLE001 - a user's translator must not lose a frame
            _log_once(self.translator.plane, error)
            return PlaneValues()

    def add(self, tags: Mapping[str, object]) -> int:
        """Keep the tags of the next frame; return its row."""
        if self._get is not None and self._get(tags) != self._expected:
            for key, value in list(self._constant.items()):
                if tags[key] != value or type(tags[key]) is not type(value):
                    self._columns[key] = _Column(json.dumps(value), self._rows)
                    del self._constant[key]
            self._pick()
        for key, column in self._columns.items():
            column.append(json.dumps(tags[key]))
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
        self._value = value
        self._count = count
        self._chunks: list[str] = []
        self._last: list[str] = []
        self._all: npt.NDArray[np.object_] | None = None

    def append(self, value: str) -> None:
        """Add the JSON of the next frame."""
        self._last.append(value)
        if len(self._last) == self._CHUNK:
            self._chunks.append("\n".join(self._last))
            self._last = []

    def texts(self) -> npt.NDArray[np.object_]:
        """Return the JSON of all frames, shape (frames,)."""
        count = self._count + len(self._chunks) * self._CHUNK + len(self._last)
        if self._all is None or len(self._all) != count:
            split = [text for chunk in self._chunks for text in chunk.split("\n")]
            self._all = np.array([self._value] * self._count + split + self._last, object)
        return self._all


def _asked(ask: Callable[[Mapping[str, object]], T], tags: Mapping[str, object], default: T) -> T:
    """Ask a translator, which may be a user's and must not lose a frame by its mistakes."""
    try:
        return ask(tags)
    except Exception as error:  # noqa: BLE001 - as above
        _log_once(ask, error)
        return default


def _log_once(ask: object, error: Exception) -> None:
    _log(getattr(ask, "__qualname__", repr(ask)), f"{type(error).__name__}: {error}")


@cache
def _log(what: str, error: str) -> None:
    logger.error("%s of a metadata translator failed, its values are left out: %s", what, error)


@cache
def _installed() -> tuple[Translator, ...]:
    """Make the translators that installed packages register."""
    return tuple(entry.load()() for entry in entry_points(group=ENTRY_POINTS))
