"""Which dialect metadata speaks, what it says, and what it has that OME has no place for."""

import logging
from array import array
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib.metadata import entry_points

import numpy as np
import numpy.typing as npt

from exengine_ome_tiff.translate.acqengj import AcquisitionEngine
from exengine_ome_tiff.translate.guard import Guarded, log_failure
from exengine_ome_tiff.translate.mmcore import MMCore
from exengine_ome_tiff.translate.plain import Plain
from exengine_ome_tiff.translate.pymmcoreplus import PymmcorePlus
from exengine_ome_tiff.translate.studio import Studio
from exengine_ome_tiff.translate.tags import flat
from exengine_ome_tiff.translate.translator import Translator
from exengine_ome_tiff.translate.unmapped import Form, collect
from exengine_ome_tiff.translate.values import FrameValues, PlaneValues, SummaryValues

logger = logging.getLogger(__name__)

ENTRY_POINTS = "exengine_ome_tiff.translators"
BUILT_IN: tuple[type[Translator], ...] = (PymmcorePlus, AcquisitionEngine, Studio, MMCore, Plain)
_NOTHING = Translator()
_MAX_FORMS = 256
_ROW = (1 << 32) - 1


class Interpreter:
    """Understands metadata, and keeps of all frames the tags that OME has no place for.

    Parameters
    ----------
    translators
        Asked before those of installed packages and the built-in ones.

    Raises
    ------
    TypeError
        One is no `Translator`.
    """

    def __init__(self, translators: Iterable[Translator] = ()) -> None:
        self._translators = (*map(Guarded, translators), *_installed(), *(dialect() for dialect in BUILT_IN))
        self._by_keys: dict[tuple[str, ...], Form] = {}
        self._forms: dict[int, Form] = {}
        self._rows = array("Q")
        """Of each frame its form, and in the lower 32 bits its row there."""
        self._last_form: Form | None = None
        """That of the last frame, where it cannot nest."""

    def read(self, metadata: Mapping[str, object], changed: Collection[str] | None = None) -> PlaneValues:
        """Take the metadata of the next frame.

        Parameters
        ----------
        metadata
            What JSON can encode.
        changed
            Keys of all values that differ from the metadata taken before, where that has the same keys and
            none of the values is a container; None where they may not.

        Returns
        -------
        PlaneValues
            What differs from plane to plane.
        """
        tags, form = metadata, self._last_form
        if changed is None or form is None:
            form, changed = self._by_keys.get(tuple(metadata)), None
            if form is None or (form.may_nest and any(metadata[key] for key in form.may_nest)):
                tags = flat(metadata)
                form = self._form(tags, metadata)
            self._last_form = None if form.may_nest else form
        self._rows.append(form.number << 32 | form.add(tags, changed))
        return form.translator.plane(tags)

    def like(self) -> "Interpreter":
        """Return one that asks the same translators and has read nothing yet."""
        other = Interpreter()
        other._translators = self._translators
        return other

    def keep(self, count: int) -> None:
        """Forget all frames but the first ones."""
        self._last_form = None
        del self._rows[count:]

    def frame(self, metadata: Mapping[str, object]) -> FrameValues:
        """Tell what else a frame says."""
        tags = flat(metadata)
        return self._translator(tags).frame(tags)

    def summary(self, metadata: object) -> SummaryValues:
        """Tell what summary metadata says."""
        if not isinstance(metadata, Mapping):
            return SummaryValues()
        tags = flat(metadata)
        return self._translator(tags).summary(tags)

    def translated(self, metadata: Mapping[str, object]) -> set[str]:
        """Tell which tags of a frame say what OME has a place for."""
        tags = flat(metadata)
        translator = self._translator(tags)
        return {*translator.translated(tags), *translator.described(tags)}

    def rest(self, frames: npt.NDArray[np.int64]) -> tuple[dict[str, str], dict[str, list[str]]]:
        """Collect the tags of frames that OME has no place for; see `collect`.

        Parameters
        ----------
        frames
            Numbers of frames, shape (n,), in the order in which `read` took them.
        """
        places = np.frombuffer(self._rows, np.int64)[frames]
        return collect(self._forms, places >> 32, places & _ROW)

    def _form(self, tags: Mapping[str, object], metadata: Mapping[str, object]) -> Form:
        """Return the form of flat metadata; all beyond 256 share one that keeps nothing."""
        keys = tuple(tags)
        form = self._by_keys.get(keys)
        if form is not None:
            return form
        if len(self._by_keys) < _MAX_FORMS:
            form = Form(len(self._by_keys), self._translator(tags), tags, metadata)
            self._by_keys[keys] = self._forms[form.number] = form
            return form
        if _MAX_FORMS not in self._forms:
            logger.warning("more than %d sets of metadata keys: the rest is in records", _MAX_FORMS)
            self._forms[_MAX_FORMS] = Form(_MAX_FORMS, _NOTHING, {}, {})
        return Form(_MAX_FORMS, self._translator(tags), {}, {})

    def _translator(self, tags: Mapping[str, object]) -> Translator:
        return next((each for each in self._translators if each.speaks(tags)), _NOTHING)


@cache
def _installed() -> tuple[Translator, ...]:
    """Make the translators that installed packages register."""
    found = []
    for entry in entry_points(group=ENTRY_POINTS):
        try:
            found.append(Guarded(entry.load()()))
        except Exception as error:  # noqa: BLE001 - a package that is broken must not stop an acquisition
            log_failure(f"loading {entry.value}", f"{type(error).__name__}: {error}")
    return tuple(found)
