"""Facts by the words of their keys, in any spelling: times, cameras, objectives, and near misses."""

import re
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import NamedTuple

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.key_names import (
    CONTAINER_WORDS,
    LENGTHS_UM,
    OF_OTHERS,
    name_of,
    names_in,
    without,
    words_in,
)
from exengine_ome_tiff.translate.objective_labels import read_optics
from exengine_ome_tiff.translate.quantities import QUANTITIES, meanings_of
from exengine_ome_tiff.translate.translator import is_known

_CAMERA = "Detector, Channel DetectorSettings"
_SERIAL_NUMBERS = "camera serial, camera serial number, detector serial number"
_BINNINGS = "binning, camera binning, detector binning, bin, camera bin"
_WELLS = "well, well id, well name, well label, well position, plate well"
_OBJECTIVES = "objective, objective name, objective label, objective lens, objective model, obj"


class Alike(NamedTuple):
    """What a key that is not read may mean: its words say something similar, too much or too little."""

    field: str
    suggestion: str


class NamedFact(NamedTuple):
    """A fact that is recognised by the words of its key."""

    fact: str
    """A field of `FrameValues` or `CameraValues`, or "well"."""
    read: Callable[[object], object]
    target: str
    """The place in OME-XML; empty if the tables of `Plain` have it."""
    names: frozenset[str]


_FACTS: tuple[tuple[str, Callable[[object], object], str, str], ...] = (
    ("camera", parse.text, _CAMERA, "camera, camera name, camera label, camera device, detector"),
    ("camera", parse.label, _CAMERA, "camera id, camera index, camera number, cam"),
    ("manufacturer", parse.text, "Detector Manufacturer", "camera manufacturer, camera vendor"),
    ("model", parse.label, "Detector Model", "camera model, camera model name, detector model"),
    ("serial_number", parse.label, "Detector SerialNumber", _SERIAL_NUMBERS),
    ("binning", parse.binning, "DetectorSettings Binning", _BINNINGS),
    ("gain", parse.known_number, "DetectorSettings Gain", "gain, camera gain, detector gain"),
    ("offset", parse.known_number, "DetectorSettings Offset", "camera offset, detector offset"),
    ("well", parse.label, "Well, of numbered positions", _WELLS),
    ("objective", parse.text, "Objective Model, NominalMagnification, LensNA, Immersion", _OBJECTIVES),
)
_OPTICS = {
    "magnification": names_in("magnification, nominal magnification, mag"),
    "numerical_aperture": names_in("na, numerical aperture, lens na"),
    "immersion": names_in("immersion, immersion medium"),
}
NAMED_FACTS = (
    *(NamedFact(fact, read, target, names_in(names)) for fact, read, target, names in _FACTS),
    *(
        NamedFact(part, partial(read_optics, part), "", names | {f"objective {name}" for name in names})
        for part, names in _OPTICS.items()
    ),
)
_BY_WORDS = {words: each for each in NAMED_FACTS for words in each.names}
_WORDS_ANYWHERE = _BY_WORDS.keys() - {"gain", "offset", "detector"}
"""Words that mean the same in a dict of any name."""
READABLE_FACTS = {"objective", "binning", "gain", "offset", *_OPTICS}
"""Facts whose values are reported if they cannot be read."""
STAMP_NAMES = names_in(
    "timestamp, time stamp, datetime, date time, acquired, acquired at, date, time, capture time, "
    "captured at, recorded at, received time, time received, utc, utc time, local time, system time, "
    "wall time, wall clock, unix time"
)
"""Words of keys for the time when a frame was taken."""
SURE_STAMP_NAMES = STAMP_NAMES - {"date", "time", "utc"}
"""Words that mean nothing else."""
START_NAMES = names_in("start, started, started at, start time, start date, time started")
"""Words of summary keys for the time when the acquisition began."""
_SHORT = 5
"""Names with this many letters or fewer resemble too many others."""
_NEAR = 0.88
_INDICES = frozenset(("channel", "position", "height"))
"""Keys whose numbers are indices, such as those of ``completeCoords``, or sizes of regions."""
_OF_STEPS = names_in("step, shift, drift, speed, size, delta, resolution, scale, spacing, width")
_CHIPS = ("camera", "sensor", "detector", "chip")
_WAVELENGTHS = ("filter", "laser", "led", "light", "illumination", "center", "channel")
_PIXELS = frozenset(f"{of} pixel{size}" for of in _CHIPS for size in (" size", ""))
_GAINS = names_in("gain db, analog gain, analogue gain, sensor gain")
_ALIKE = {
    names_in("resolution, scale, calibration, px, pixel, pixel pitch") | _PIXELS: Alike(
        "pixel_size_um", "pixel_size_um, the size of a pixel in the sample"
    ),
    names_in("shutter, shutter time, shutter open time, dwell time, pixel dwell time"): Alike(
        "exposure_s", "exposure_ms"
    ),
    names_in("wavelength, lambda, laser, led") | {f"{of} wavelength" for of in _WAVELENGTHS}: Alike(
        "excitation_nm", "excitation_nm or emission_nm"
    ),
    _GAINS: Alike("gain", "gain"),
}
"""Names that are similar, but do not mean the same."""
_FLUOROPHORES = "fluorophore, fluor, dye, label dye, channel fluorophore"
_COLORS = "color, colour, channel color, channel colour, lut color"
OPTIONS = {
    words: fix
    for fix, names in {
        "pass channels={...: ChannelInfo(fluorophore=...)}": _FLUOROPHORES,
        "pass channels={...: ChannelInfo(color=...)}": _COLORS,
        "pass channels={...: ChannelInfo(acquisition_mode=...)}": "acquisition mode, imaging mode, modality",
        "write camera_serial_number, if it is the camera's": "serial number",
    }.items()
    for words in names_in(names)
}
"""Words of keys whose text is not read, and the way to give it."""
_TOLD_WITHOUT_UNIT = _GAINS | _PIXELS | {"resolution", "wavelength", "laser wavelength"}
_PLAN = "plan"
"""A word of keys that describe the future."""
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


def _squeezed(key: str) -> str:
    return re.sub(r"[\W_]", "", key).casefold()


_OBJECTIVE = "objective"
_OWN_KEYS = {
    _squeezed(own): own
    for own in ("timestamp", "binning", "bit_depth", _OBJECTIVE, *(each.example for each in QUANTITIES))
    if len(own) > _SHORT
}
"""Keys of this package, as its documentation spells them, by their letters."""


@lru_cache(maxsize=4096)
def words_of(key: str) -> str:
    """Return the words of a key without those for its place; "" for a key with a unit."""
    name = name_of(key)
    if name.unit is not None or "-" in key:  # as properties of devices have
        return ""
    return without(name.words, CONTAINER_WORDS)


@lru_cache(maxsize=4096)
def named_fact(key: str) -> NamedFact | None:
    """Return the fact that the words of a key, or of its last part, stand for, or None."""
    fact = _BY_WORDS.get(words_of(key))
    around, _, last = key.rpartition(".")
    if fact is not None or not around or not OF_OTHERS.isdisjoint(words_in(around)):
        return fact
    return _BY_WORDS[words_of(last)] if words_of(last) in _WORDS_ANYWHERE else None


def is_stamp(key: str) -> bool:
    """Whether the name of a key stands for the time when a frame was taken."""
    return words_of(key) in STAMP_NAMES


@lru_cache(maxsize=4096)
def near_miss(key: str, known: frozenset[str] = frozenset()) -> str | None:
    """Return the spelling of the known key that a key resembles, or None.

    Parameters
    ----------
    key
        A key that is not understood.
    known
        Keys of the dialects; the names of this package are always compared.
    """
    around, _, last = key.rpartition(".")
    squeezed = _squeezed(last)
    if len(squeezed) <= _SHORT or squeezed in _INDICES:
        return None
    candidates = _candidates(known)
    matches = [squeezed] if squeezed in candidates else []
    if matches and not OF_OTHERS.isdisjoint(words_in(around)):
        return None  # it describes another part, such as the magnification of an optovar
    if not matches and name_of(key).unit is not None:
        matches = get_close_matches(squeezed, candidates, 1, _NEAR)
    if not matches or candidates[matches[0]] == key:
        return None
    suggestion = candidates[matches[0]]
    nameless = [each.example for each in meanings_of(suggestion) if not each.has_unit]
    return nameless[0] if nameless else suggestion


def misspelled(key: str, value: object) -> str | None:
    """Return the key of this package that a key with one wrong letter stands for, or None.

    Parameters
    ----------
    key
        A key that is not understood.
    value
        Its value, which the other key must be able to have.
    """
    own = _nearest_own_key(key)
    is_possible = is_known(parse.number(value)) or (
        isinstance(value, str) and (own == _OBJECTIVE or parse.moment(value) is not None)
    )
    return own if is_possible else None


@lru_cache(maxsize=4096)
def _nearest_own_key(key: str) -> str | None:
    text = _squeezed(key.rpartition(".")[2])
    if meanings_of(key) or text in _OWN_KEYS or not text.isalpha():
        return None
    return next((own for right, own in _OWN_KEYS.items() if _is_one_edit(text, right)), None)


@lru_cache(maxsize=4096)
def alike(key: str) -> Alike | None:
    """Return what a key may mean, or None."""
    name = name_of(key)
    text = without(name.words, CONTAINER_WORDS)
    words = text.split()
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
    """Return the squeezed names to compare with, and the right spelling of each."""
    candidates = {_squeezed(name): name for name in sorted(known) if "." not in name}
    for quantity in QUANTITIES:
        names = [name for name in quantity.names if len(name) > _SHORT]
        spelled = [f"{name} {unit}" for name in names for unit in quantity.units]
        candidates |= dict.fromkeys(map(_squeezed, spelled), quantity.example)
        candidates[_squeezed(quantity.example)] = quantity.example
    return candidates | {"bitdepth": "bit_depth"}


def _is_one_edit(text: str, right: str) -> bool:
    """Whether a letter is missing, added, wrong or swapped with the next one; a plural is another word."""
    if text == f"{right}s":
        return False
    pairs = enumerate(zip(text, right, strict=False))
    start = next((index for index, (letter, other) in pairs if letter != other), min(len(text), len(right)))
    rest, other = text[start:], right[start:]
    is_swapped = rest[:2] == other[1::-1] and rest[2:] == other[2:]
    return is_swapped or rest[1:] in (other, other[1:]) or rest == other[1:]
