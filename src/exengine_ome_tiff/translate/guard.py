"""Translators that users and other packages write: their mistakes lose no frame."""

import logging
import math
from collections.abc import Callable, Iterable
from types import MappingProxyType
from typing import TypeVar

from exengine_ome_tiff.translate import parse as read
from exengine_ome_tiff.translate.translator import Tags, Translator
from exengine_ome_tiff.translate.values import UNKNOWN, FrameValues, PlaneValues, SummaryValues

logger = logging.getLogger(__name__)
T = TypeVar("T")


class Guarded(Translator):
    """A translator of somebody else; where it fails, nothing is known, and the log says so.

    The log gets one line for each method and type of error, as the text may differ from frame to frame.

    Parameters
    ----------
    translator
        The other one.

    Raises
    ------
    TypeError
        It is none.
    """

    def __init__(self, translator: object) -> None:
        self._translator = check_translator(translator)
        self._logged: set[tuple[str, type[Exception]]] = set()
        """Methods and the types of their errors."""

    def matches(self, tags: Tags) -> bool:
        return self._ask(lambda: bool(self._translator.matches(_frozen(tags))), "matches", default=False)

    def plane_values(self, tags: Tags) -> PlaneValues:
        return self._ask(
            lambda: _checked(self._translator.plane_values(_frozen(tags))), "plane_values", PlaneValues()
        )

    def frame_values(self, tags: Tags) -> FrameValues:
        return self._ask(
            lambda: _expected(FrameValues, self._translator.frame_values(_frozen(tags))),
            "frame_values",
            FrameValues(),
        )

    def summary_values(self, tags: Tags) -> SummaryValues:
        return self._ask(
            lambda: _expected(SummaryValues, self._translator.summary_values(_frozen(tags))),
            "summary_values",
            SummaryValues(),
        )

    def translated(self, tags: Tags) -> Iterable[str]:
        return self._ask(lambda: {*map(str, self._translator.translated(_frozen(tags)))}, "translated", set())

    def described(self, tags: Tags) -> Iterable[str]:
        return self._ask(lambda: {*map(str, self._translator.described(_frozen(tags)))}, "described", set())

    def _ask(self, ask: Callable[[], T], method: str, default: T) -> T:
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - it is foreign code, and the frame must be kept
            if (method, type(error)) not in self._logged:
                self._logged.add((method, type(error)))
                log_failure(f"{type(self._translator).__qualname__}.{method}", error_text(error))
            return default


def check_translator(translator: object) -> Translator:
    """Return a translator; TypeError where it is none."""
    if not isinstance(translator, Translator):
        raise TypeError(f"got {translator!r} as a translator, expected an instance of a Translator")
    return translator


def log_failure(what: str, error: str) -> None:
    """Log what went wrong."""
    logger.error("%s of a metadata translator failed, its values are left out: %s", what, error)


def error_text(error: Exception) -> str:
    """Return the type and the message of an error."""
    return f"{type(error).__name__}: {error}"


def _frozen(tags: Tags) -> Tags:
    return MappingProxyType(tags)


def _expected(kind: type[T], answer: object) -> T:
    if not isinstance(answer, kind):
        raise TypeError(f"got {answer!r}, expected {kind.__name__}")
    return answer


def _checked(values: PlaneValues) -> PlaneValues:
    """Leave out numbers that OME has no place for."""
    plane = PlaneValues._make(map(float, values))
    plane = PlaneValues._make(value if math.isfinite(value) else UNKNOWN for value in plane)
    return plane._replace(
        exposure_s=read.exposure_s(plane.exposure_s),
        pixel_size_um=read.size_um(plane.pixel_size_um),
        bit_depth=read.bits(plane.bit_depth),
    )
