"""What the words of keys tell, in any spelling: a time, a camera, an objective, or nearly what is known."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from typing import NamedTuple

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import CONTAINER_WORDS, LENGTHS_UM, OF_OTHERS, name_of, words_in
from exengine_ome_tiff.translate.mmcore import binning_text, known_number
from exengine_ome_tiff.translate.quantities import QUANTITIES, meanings_of

_CAMERA = "Detector, Channel DetectorSettings"


class Alike(NamedTuple):
    """What a key may mean that is not read, as its words say something else, too much or too little."""

    field: str
    suggestion: str


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
    _named("camera", parse.label, _CAMERA, "camera id", "camera index", "camera number", "cam"),
    _named("manufacturer", parse.text, "Detector Manufacturer", "camera manufacturer", "camera vendor"),
    _named("model", parse.label, "Detector Model", "camera model", "camera model name", "detector model"),
    _named(
        *("serial_number", parse.label, "Detector SerialNumber"),
        *("camera serial", "camera serial number", "detector serial number"),
    ),
    _named(
        "binning",
        binning_text,
        "DetectorSettings Binning",
        "binning",
        "camera binning",
        "detector binning",
        "bin",
        "camera bin",
    ),
    _named("gain", known_number, "DetectorSettings Gain", "gain", "camera gain", "detector gain"),
    _named("offset", known_number, "DetectorSettings Offset", "camera offset", "detector offset"),
    _named(
        *("well", parse.label, "Well, of numbered positions"),
        *("well", "well id", "well name", "well label", "well position", "plate well"),
    ),
    _named(
        *("objective", parse.text, "Objective Model, NominalMagnification, LensNA, Immersion"),
        *("objective", "objective name", "objective label", "objective lens", "objective model", "obj"),
    ),
)
OPTICS = {
    f"{around}{name}": part
    for part, names in {
        "magnification": ("magnification", "nominal magnification", "mag"),
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
_SHORT = 5
"""Names of so many letters are near too many others."""
_NEAR = 0.88
_INDICES = frozenset(("channel", "position"))
"""Keys whose numbers are indices, such as those of ``completeCoords``."""
_OF_STEPS = {"step", "shift", "drift", "speed", "size", "delta", "resolution", "scale", "spacing", "width"}
_OF_SAMPLE = "pixel_size_um, the size of a pixel in the sample"
_CHIPS = ("camera", "sensor", "detector", "chip")
_WAVELENGTHS = ("filter", "laser", "led", "light", "illumination", "center", "channel")
_ALIKE = {
    frozenset(names): alike
    for names, alike in (
        (
            (
                *("resolution", "scale", "calibration", "px", "pixel", "pixel pitch"),
                *(f"{of} pixel{size}" for of in _CHIPS for size in (" size", "")),
            ),
            Alike("pixel_size_um", _OF_SAMPLE),
        ),
        (
            ("shutter", "shutter time", "shutter open time", "dwell time", "pixel dwell time"),
            Alike("exposure_s", "exposure_ms"),
        ),
        (
            ("wavelength", "lambda", "laser", "led", *(f"{of} wavelength" for of in _WAVELENGTHS)),
            Alike("excitation_nm", "excitation_nm or emission_nm"),
        ),
        (("gain db", "analog gain", "analogue gain", "sensor gain"), Alike("gain", "gain")),
    )
}
"""Names of what is alike, but not the same."""
OPTIONS = {
    words: option
    for option, names in {
        "ChannelInfo(fluorophore=...)": ("fluorophore", "fluor", "dye", "label dye", "channel fluorophore"),
        "ChannelInfo(color=...)": ("color", "colour", "channel color", "channel colour", "lut color"),
        "ChannelInfo(acquisition_mode=...)": ("acquisition mode", "imaging mode", "modality"),
    }.items()
    for words in names
}
"""Words of keys that tell what only an option of channels does."""
_TOLD_WITHOUT_UNIT = {
    *(
        "resolution",
        "wavelength",
        "laser wavelength",
        "gain db",
        "analog gain",
        "analogue gain",
        "sensor gain",
    ),
    *(f"{of} pixel size" for of in _CHIPS),
}
_PLAN = "plan"
"""Whose words are of what was to come."""
_CORES = tuple(
    (frozenset(core.split()), Alike(field, suggestion))
    for core, field, suggestion in (
        ("exposure", "exposure_s", "exposure_ms"),
        ("exposures", "exposure_s", "exposure_ms"),
        *((size, "pixel_size_um", "pixel_size_um") for size in ("pixel size", "pixelsize", "px size")),
        ("binning", "binning", "binning"),
        ("bin", "binning", "binning"),
        ("bits", "bit_depth", "bit_depth"),
        ("bit depth", "bit_depth", "bit_depth"),
        ("excitation", "excitation_nm", "excitation_nm"),
        ("emission", "emission_nm", "emission_nm"),
        ("magnification", "magnification", "magnification"),
        ("readout rate", "readout_mhz", "readout_rate_mhz"),
        ("z step", "z_step_um", "z_step_um"),
    )
)
"""Words that mean the same whatever is beside them."""


@lru_cache(maxsize=4096)
def words_of(key: str) -> str:
    """Return the words of a key without those that only tell its place; nothing for one with a unit."""
    name = name_of(key)
    if name.unit is not None or "-" in key:  # as properties of devices have
        return ""
    rest = [word for word in name.words if word not in CONTAINER_WORDS]
    return " ".join(rest) if rest else ""


def named_fact(key: str) -> NamedFact | None:
    """Return the fact that a key tells; None if its words tell none."""
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


@lru_cache(maxsize=4096)
def near_miss(key: str, known: frozenset[str] = frozenset()) -> str | None:
    """Return how a key ought to be spelled that is nearly one that is understood; None if none is near.

    Parameters
    ----------
    key
        That is not understood.
    known
        Keys of dialects, beside the names of this package.
    """
    squeezed = _squeezed(key.rpartition(".")[2])
    if len(squeezed) <= _SHORT or squeezed in _INDICES:
        return None
    candidates = _candidates(known)
    matches = [squeezed] if squeezed in candidates else []
    if not matches and name_of(key).unit is not None:
        matches = get_close_matches(squeezed, candidates, 1, _NEAR)
    if not matches or candidates[matches[0]] == key:
        return None
    suggestion = candidates[matches[0]]
    nameless = [each.example for each in meanings_of(suggestion) if not each.has_unit]
    return nameless[0] if nameless else suggestion


@lru_cache(maxsize=4096)
def alike(key: str) -> Alike | None:
    """Return what a key may mean; None if its words are of nothing that is known."""
    name = name_of(key)
    words = [word for word in name.words if word not in CONTAINER_WORDS]
    text = " ".join(words)
    if name.unit is not None or text in _TOLD_WITHOUT_UNIT:
        found = next((each for names, each in _ALIKE.items() if text in names), None)
        if found is not None:
            return found
    if not OF_OTHERS.isdisjoint(words):
        return None
    axes = [word for word in words if word in ("x", "y", "z")]
    if name.unit in LENGTHS_UM and len(axes) == 1 and _OF_STEPS.isdisjoint(words):
        return Alike(f"{axes[0]}_um", f"{axes[0]}_um")
    if _PLAN in words:
        return None
    return next((each for core, each in _CORES if core <= {*words}), None)


@lru_cache
def _candidates(known: frozenset[str]) -> dict[str, str]:
    """Return what keys are compared with, and how each of them ought to be spelled."""
    candidates = {_squeezed(name): name for name in known if "." not in name}
    for quantity in QUANTITIES:
        names = [name for name in quantity.names if len(name) > _SHORT]
        spelled = [f"{name} {unit}" for name in names for unit in quantity.units]
        candidates |= dict.fromkeys(map(_squeezed, spelled), quantity.example)
        candidates[_squeezed(quantity.example)] = quantity.example
    return candidates | {"bitdepth": "bit_depth"}


def _squeezed(key: str) -> str:
    return re.sub(r"[\W_]", "", key).casefold()
