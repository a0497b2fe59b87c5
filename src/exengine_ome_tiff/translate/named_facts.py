"""Keys that tell a fact by their words, in any spelling: a time, a camera, an objective."""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import CONTAINER_WORDS, OF_OTHERS, name_of, words_in
from exengine_ome_tiff.translate.mmcore import binning_text, known_number

_CAMERA = "Detector, Channel DetectorSettings"


class NamedFact(NamedTuple):
    """A fact that words tell."""

    fact: str
    """Of `FrameValues` or `CameraValues`, or "well"."""
    read: Callable[[object], object]
    target: str
    names: frozenset[str]


def _named(fact: str, read: Callable[[object], object], target: str, *names: str) -> NamedFact:
    return NamedFact(fact, read, target, frozenset(names))


NAMED_FACTS = (
    _named(
        "camera", parse.text, _CAMERA, "camera", "camera name", "camera label", "camera device", "detector"
    ),
    _named("manufacturer", parse.text, "Detector Manufacturer", "camera manufacturer", "camera vendor"),
    _named("model", parse.label, "Detector Model", "camera model", "camera model name", "detector model"),
    _named(
        *("serial_number", parse.label, "Detector SerialNumber"),
        *("camera serial", "camera serial number", "detector serial number"),
    ),
    _named(
        "binning", binning_text, "DetectorSettings Binning", "binning", "camera binning", "detector binning"
    ),
    _named("gain", known_number, "DetectorSettings Gain", "gain", "camera gain", "detector gain"),
    _named("offset", known_number, "DetectorSettings Offset", "camera offset", "detector offset"),
    _named(
        *("well", parse.label, "Well, of numbered positions"),
        *("well", "well id", "well name", "well label", "well position", "plate well"),
    ),
    _named(
        *("objective", parse.text, "Objective Model, NominalMagnification, LensNA, Immersion"),
        *("objective", "objective name", "objective label", "objective lens", "objective model"),
    ),
)
OPTICS = {
    f"{around}{name}": part
    for part, names in {
        "magnification": ("magnification", "nominal magnification"),
        "numerical_aperture": ("na", "numerical aperture", "lens na"),
        "immersion": ("immersion", "immersion medium"),
    }.items()
    for name in names
    for around in ("", "objective ")
}
"""Words of keys that tell one thing of an objective each, and which."""
_WORDS = frozenset({*OPTICS, *(name for each in NAMED_FACTS for name in each.names)})
_WORDS_ANYWHERE = _WORDS - {"gain", "offset", "detector"}
"""Those that mean the same in a dict of any name."""
STAMP_NAMES = frozenset(
    {
        *("timestamp", "time stamp", "datetime", "date time", "acquired", "acquired at", "date", "time"),
        *("capture time", "captured at", "recorded at", "received time", "time received"),
        *("utc", "utc time", "local time", "system time", "wall time", "wall clock", "unix time"),
    }
)
"""Words of keys that tell when a frame was taken."""
SURE_STAMP_NAMES = STAMP_NAMES - {"date", "time", "utc"}
"""Those of keys that tell nothing else."""
START_NAMES = frozenset({"start", "started", "started at", "start time", "start date", "time started"})
"""Words of keys of a summary that tell when the acquisition began."""


@lru_cache(maxsize=4096)
def words_of(key: str) -> str:
    """Return the words of a key without those that only tell its place; nothing for one with a unit."""
    name = name_of(key)
    if name.unit is not None or "-" in key:  # as properties of devices have
        return ""
    rest = [word for word in name.words if word not in CONTAINER_WORDS]
    return " ".join(rest) if rest else ""


def named_fact(key: str) -> NamedFact | None:
    """Return the fact that a key tells; None where its words tell none."""
    words = fact_words(key)
    return next((each for each in NAMED_FACTS if words in each.names), None)


@lru_cache(maxsize=4096)
def fact_words(key: str) -> str:
    """Return the words of a key, or those of its last part in a dict of any name, if these tell a fact."""
    words = words_of(key)
    around, _, last = key.rpartition(".")
    if words in _WORDS or not around or not OF_OTHERS.isdisjoint(words_in(around)):
        return words
    return words_of(last) if words_of(last) in _WORDS_ANYWHERE else words


def is_stamp(key: str) -> bool:
    """Whether a key tells when a frame was taken."""
    return words_of(key) in STAMP_NAMES
