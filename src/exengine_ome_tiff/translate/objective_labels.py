"""Magnification, numerical aperture and immersion in objective labels of various manufacturers."""

import re
from functools import lru_cache
from typing import NamedTuple

from exengine_ome_tiff.translate import parse
from exengine_ome_tiff.translate.values import BOUNDS

_TURRETS = ("objective", "nose", "objektiv")
_CHANGERS = ("turret", "revolver", "lens", "obj")
_OTHERS = ("filter", "camera", "optovar", "zoom", "tube", "condenser", "magni", "adapter", "relay", "offset")
_NUMBER = r"(\d{1,3}(?:[.,]\d{1,3})?)"
_MAGNIFICATION = re.compile(rf"(?<![\d.,/]){_NUMBER}\s?[xX\xd7](?![a-z])(?P<tail>[A-Z]{{0,4}})")
_NOT_OF_OBJECTIVE = re.compile(
    r"(optovar|optivar|tube(lens)?|zoom|intermediate|relay|magnifi\w*|adapter)\W*$", re.IGNORECASE
)
_APERTURE = r"([01]?[.,]\d{1,3}|1(?![.,]\d))"
_APERTURES = (
    re.compile(rf"\bN\.?A\.?\s?[=:]?\s?{_APERTURE}(?!\d)", re.IGNORECASE),
    re.compile(rf"(?<![\d.,]){_APERTURE}\s?N\.?A\b", re.IGNORECASE),
    re.compile(rf"\d\s?[xX\xd7][A-Za-z]{{0,4}}\s?[/\s]\s?{_APERTURE}(?!\d)(?!\s?mm)"),
    re.compile(rf"\d[xX\xd7]{_APERTURE}(?!\d)"),
    re.compile(r"(?<![\d.,/∞])([01]?[.,]\d{1,3})(?!\s?[xX\xd7\d])(?!\s?mm)"),
)
_ENGRAVED = re.compile(r"(?<![\d.,/])([2-9]|[1-9]\d{1,2})\s?/\s?(?!0[.,]17)([01][.,]\d{1,2})(?![\d.,])")
"""Magnification and aperture, ``100/1.25``; ``160/0.17`` is tube length and cover glass."""
_WORKING_DISTANCE = re.compile(
    r"\bW\.?D\.?\s?[=:]?\s?\d+(?:[.,]\d+)?(?:\s?mm)?|\d+(?:[.,]\d+)?\s?mm", re.IGNORECASE
)
_WORDS = (
    (r"silicon\w*|sil", "Other"),
    (r"w(?:ater)?\W?dip\w*|dipping", "WaterDipping"),
    (r"glyc\w*|gly", "Glycerol"),
    (r"imm(?:corr)?|multi\W?imm\w*|mi|imm\Wcorr", "Multi"),
    (r"oil|öl|oel|oilimm\w*", "Oil"),
    (r"water|wasser|wi", "Water"),
    (r"air|dry", "Air"),
)
_LETTERS = {"O": "Oil", "W": "Water", "G": "Glycerol", "S": "Other"}
_LEAST_MAGNIFYING = 2
"""Lenses with less are inside the microscope."""
_MOST_MAGNIFYING, _LARGEST_APERTURE = 250, BOUNDS["numerical_aperture"].high


class ObjectiveLabel(NamedTuple):
    """Properties of an objective in its label; None where missing."""

    magnification: float | None
    numerical_aperture: float | None
    immersion: str | None
    """An immersion of OME."""


def is_objective(device: str, label: str, name: str | None = None) -> bool:
    """Return whether a device holds the objectives.

    Parameters
    ----------
    device
        Label of the device in this system.
    label
        Label of its state.
    name
        Name of the device in its adapter.
    """
    names = [each.casefold() for each in (device, name or "")]
    if any(word in each for word in _TURRETS for each in names):
        return "offset" not in names[0]
    magnification, aperture, _ = read_label(label)
    is_changer = aperture is not None or any(word in names[0] for word in _CHANGERS)
    return magnification is not None and is_changer and not _is_other(device)


def may_be_objective(device: str, label: str) -> bool:
    """Return whether the label of another device has the magnification of an objective."""
    return (read_label(label).magnification or 0) >= _LEAST_MAGNIFYING and not _is_other(device)


def _is_other(device: str) -> bool:
    return any(word in device.casefold() for word in _OTHERS)


@lru_cache(maxsize=1024)
def read_label(label: str) -> ObjectiveLabel:
    """Parse a label such as "Nikon 60x/1.4 Oil", "UPLXAPO60XO 1.42" or "63x_1.4_Oil"."""
    text = label.replace("_", " ").replace("\N{NO-BREAK SPACE}", " ")
    found = [
        match
        for match in _MAGNIFICATION.finditer(text)
        if not _NOT_OF_OBJECTIVE.search(text[: match.start()]) and 0 < _float(match[1]) <= _MOST_MAGNIFYING
    ]
    rest = _WORKING_DISTANCE.sub(" ", text)
    engraved = None if found else _ENGRAVED.search(rest)
    if engraved is not None:
        return ObjectiveLabel(_float(engraved[1]), _float(engraved[2]), _immersion(rest, ""))
    magnification = found[0] if found else None
    return ObjectiveLabel(
        _float(magnification[1]) if magnification else None,
        _aperture(rest),
        _immersion(rest, magnification["tail"] if magnification else ""),
    )


def _aperture(text: str) -> float | None:
    for pattern in _APERTURES:
        for match in pattern.finditer(text):
            value = _float(match[1])
            if 0 < value <= _LARGEST_APERTURE:
                return value
    return None


def _immersion(text: str, tail: str) -> str | None:
    """Look for words, then letters after the magnification, then a letter after the aperture or alone."""
    words = re.sub(r"(?<=[\d])(?=[^\W\d])", " ", text)
    for pattern, immersion in _WORDS:
        if re.search(rf"\b(?:{pattern})\b", words, re.IGNORECASE):
            return immersion
    if tail[:1] in _LETTERS:
        return _LETTERS[tail[0]]
    letter = re.search(r"(?:[.,]\d+\s?|\s)([OWG])(?=\s|$|,|\))", text)
    if letter is not None:
        return _LETTERS[letter[1]]
    return "WaterDipping" if re.match(r"\s*W[- ](?:N[- ])?(?:Plan|Achro)", text) else None


def _float(text: str) -> float:
    return float(text.replace(",", "."))


def read_optics(part: str, value: object) -> float | str | None:
    """Parse one property of an objective, such as its immersion; None if unreadable."""
    if part == "immersion":
        text = parse.text(value)
        return None if text is None else _immersion(text, "")
    number = parse.number(value.strip().rstrip("xX\xd7") if isinstance(value, str) else value)
    most = _MOST_MAGNIFYING if part == "magnification" else _LARGEST_APERTURE
    return number if 0 < number <= most else None
