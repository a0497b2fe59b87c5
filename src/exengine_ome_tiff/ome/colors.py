"""Colours of channels by well-known names."""

import operator
import re
from itertools import pairwise

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
"""Fluorophores and contrasts by colour; a number or version may follow, as in GCaMP6f and Hoechst 33342."""
_LINES: dict[tuple[int, int, int], tuple[str, ...]] = {
    _BLUE: ("405", "Blue"),
    _CYAN: ("Cyan",),
    _GREEN: ("488", "Green"),
    _YELLOW: ("514", "Yellow"),
    _ORANGE: ("Orange",),
    _RED: ("561", "594", "Red"),
    _MAGENTA: ("640", "647", "Magenta"),
}
"""Laser lines and colours; a fluorophore in the same name counts more."""
_FAMILY = re.compile(r"(?:alexa|af|atto|cf|jfx?|janelia|dylight|dy|star)([3-8][0-9]{2})[a-z]{0,2}")
"""Dyes named after the wavelength that excites them, in nm, as Alexa 488 and JF549."""
_LONGEST_NM = (
    (415, _BLUE),
    (460, _CYAN),
    (505, _GREEN),
    (535, _YELLOW),
    (560, _ORANGE),
    (625, _RED),
)

_WORDS = {
    "red": _RED,
    "green": _GREEN,
    "blue": _BLUE,
    "cyan": _CYAN,
    "magenta": _MAGENTA,
    "yellow": _YELLOW,
    "orange": _ORANGE,
    "white": GREY,
    "grey": GREY,
    "gray": GREY,
}
"""Colours that options may name."""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]|fluor(?=[\W_\d])", "", name.casefold())


_DYES = {_plain(name): color for color, names in NAMES.items() for name in names}
_PLAIN_LINES = {_plain(name): color for color, names in _LINES.items() for name in names}


def read_rgb(values: object) -> tuple[int, int, int]:
    """Read red, green and blue from any sequence of whole numbers.

    Raises
    ------
    ValueError
        They are not three numbers from 0 to 255.
    """
    try:
        numbers = [operator.index(value) for value in values]  # type: ignore[attr-defined]
    except TypeError:
        numbers = []
    if len(numbers) != len(GREY) or not all(0 <= number <= GREY[0] for number in numbers):
        raise ValueError(f"got color={values!r}, expected red, green and blue from 0 to 255")
    red, green, blue = numbers
    return red, green, blue


def read_color(text: str) -> tuple[int, int, int]:
    """Read "#RRGGBB", with or without "#", or the name of a colour.

    Raises
    ------
    ValueError
        It is neither.
    """
    name = re.sub(r"[\s_-]", "", text.casefold())
    if name in _WORDS:
        return _WORDS[name]
    digits = text.strip().removeprefix("#")
    if re.fullmatch("[0-9A-Fa-f]{6}", digits) is None:
        raise ValueError(f"got color={text!r}, expected #RRGGBB, or one of {', '.join(_WORDS)}")
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def default_color(name: str) -> tuple[int, int, int]:
    """Return red, green and blue of a channel by its name; grey where it has no fluorophore that is known.

    The whole name counts most, then pairs of its words, then single words, as in "Phalloidin-AF488"; case,
    blanks and hyphens do not count.
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
    """Return the colour of a fluorophore, with or without a number or version after it."""
    family = _FAMILY.fullmatch(plain)
    if family:
        return next((color for longest, color in _LONGEST_NM if int(family[1]) <= longest), _MAGENTA)
    stem = re.sub(r"(?<=[a-z])[0-9]+[a-z]{0,2}$", "", plain)
    return _DYES.get(plain, _DYES.get(stem))
