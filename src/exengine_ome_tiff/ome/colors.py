"""Default colours of channels, by the names of fluorophores and contrast methods."""

import operator
import re
from collections.abc import Sequence
from itertools import pairwise

from exengine_ome_tiff.ome.text import folded

GREY = (255, 255, 255)
_BLUE, _CYAN, _GREEN, _YELLOW = (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0)
_ORANGE, _RED, _MAGENTA = (255, 128, 0), (255, 0, 0), (255, 0, 255)

NAMES: dict[tuple[int, int, int], tuple[str, ...]] = {
    _BLUE: ("DAPI", "Hoechst", "BFP", "TagBFP", "EBFP", "mTagBFP", "Calcofluor", "CellTraceViolet"),
    _CYAN: ("CFP", "ECFP", "Cerulean", "mCerulean", "mTurquoise", "mTFP"),
    _GREEN: (
        *("GFP", "EGFP", "sfGFP", "mEGFP", "FITC", "Fluorescein", "mNeonGreen", "mClover", "mEmerald"),
        *("mStayGold", "StayGold", "ZsGreen", "GCaMP", "jGCaMP", "Fluo", "CalceinAM", "Calcein", "Cy2"),
        *("SYTOXGreen", "SYBRGreen", "SYTO9", "BODIPYFL", "Oregon Green", "MitoTrackerGreen"),
    ),
    _YELLOW: ("YFP", "EYFP", "Venus", "mVenus", "Citrine", "mCitrine", "YPet", "mYPet"),
    _ORANGE: (
        *("Cy3", "TRITC", "Rhodamine", "TMR", "TAMRA", "TMRM", "tdTomato", "DsRed", "mOrange", "mKO"),
        *("PE", "RCaMP", "jRCaMP", "jRGECO", "RGECO", "MitoTrackerOrange"),
    ),
    _RED: (
        *("RFP", "mRFP", "TagRFP", "mCherry", "mScarlet", "mRuby", "mKate", "mApple", "TexasRed", "Cy3.5"),
        *("PI", "PropidiumIodide", "MitoTrackerRed", "LysoTrackerRed", "NileRed"),
    ),
    _MAGENTA: (
        *("Cy5", "Cy5.5", "Cy7", "APC", "iRFP", "miRFP", "SiR", "SiRDNA", "SPYDNA", "FarRed", "DRAQ"),
        *("MitoTrackerDeepRed", "DeepRed", "emiRFP", "mMaroon"),
    ),
    GREY: ("BF", "Brightfield", "DIC", "Phase", "PhaseContrast", "Trans", "Transmitted", "TL"),
}
"""Names by colour; a number or version may follow, as in GCaMP6f and Hoechst 33342."""
_LINES: dict[tuple[int, int, int], tuple[str, ...]] = {
    _BLUE: ("405", "Blue"),
    _CYAN: ("Cyan",),
    _GREEN: ("488", "Green"),
    _YELLOW: ("514", "Yellow"),
    _ORANGE: ("Orange",),
    _RED: ("561", "594", "Red"),
    _MAGENTA: ("640", "647", "Magenta"),
}
"""Laser lines and colour names; a fluorophore in the same name takes precedence."""
_FAMILY = re.compile(r"(?:alexa|af|atto|cf|jfx?|janelia|dylight|dy|star)([3-8][0-9]{2})[a-z]{0,2}")
"""Dyes named after their excitation wavelength in nm, such as Alexa 488 and JF549."""
_LONGEST_NM = ((415, _BLUE), (460, _CYAN), (505, _GREEN), (535, _YELLOW), (560, _ORANGE), (625, _RED))

_WORDS = {"red": _RED, "green": _GREEN, "blue": _BLUE, "cyan": _CYAN, "magenta": _MAGENTA}
_WORDS |= {"yellow": _YELLOW, "orange": _ORANGE, "white": GREY, "grey": GREY, "gray": GREY}
"""Colours that options may name."""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]|fluor(?=[\W_\d])", "", name.casefold())


_DYES = {_plain(name): color for color, names in NAMES.items() for name in names}
_PLAIN_LINES = {_plain(name): color for color, names in _LINES.items() for name in names}


def read_rgb(values: object) -> tuple[int, int, int]:
    """Read red, green and blue from a sequence; ValueError unless it is three integers from 0 to 255."""
    try:
        numbers = [operator.index(value) for value in values]  # type: ignore[attr-defined]
    except TypeError:
        numbers = []
    if len(numbers) != len(GREY) or not all(0 <= number <= GREY[0] for number in numbers):
        raise ValueError(f"got color={values!r}, expected red, green and blue from 0 to 255")
    red, green, blue = numbers
    return red, green, blue


def read_color(text: str) -> tuple[int, int, int]:
    """Read "#RRGGBB", with or without "#", or the name of a colour; ValueError for anything else."""
    name = folded(text)
    if name in _WORDS:
        return _WORDS[name]
    digits = text.strip().removeprefix("#")
    if re.fullmatch("[0-9A-Fa-f]{6}", digits) is None:
        raise ValueError(f"got color={text!r}, expected #RRGGBB, or one of {', '.join(_WORDS)}")
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def hex_color(rgb: Sequence[int]) -> str:
    """Format red, green and blue as "#rrggbb"."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def default_color(name: str) -> tuple[int, int, int]:
    """Return red, green and blue for the name of a channel; grey if it contains no known fluorophore.

    The full name is tried first, then pairs of words, then single words, as in "Phalloidin-AF488". Case,
    blanks and hyphens are ignored.
    """
    words = [word for word in re.split(r"[\s_\-/,;:()+]+", name) if _plain(word) not in ("", "fluor")]
    pairs = [first + second for first, second in pairwise(words)]
    parts = [_plain(part) for part in (name, *pairs, *words)]
    for color_of in (_dye_color, _PLAIN_LINES.get):
        for part in parts:
            color = color_of(part)
            if color is not None:
                return color
    return GREY


def _dye_color(plain: str) -> tuple[int, int, int] | None:
    """Return the colour of a fluorophore, ignoring a number or version after its name."""
    family = _FAMILY.fullmatch(plain)
    if family:
        return next((color for longest, color in _LONGEST_NM if int(family[1]) <= longest), _MAGENTA)
    stem = re.sub(r"(?<=[a-z])[0-9]+[a-z]{0,2}$", "", plain)
    return _DYES.get(plain, _DYES.get(stem))
