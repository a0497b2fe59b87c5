"""Colours of channels by well-known names."""

import operator
import re

GREY = (255, 255, 255)
_BLUE, _CYAN, _GREEN, _YELLOW = (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0)
_ORANGE, _RED, _MAGENTA = (255, 128, 0), (255, 0, 0), (255, 0, 255)

NAMES: dict[tuple[int, int, int], tuple[str, ...]] = {
    _BLUE: ("DAPI", "Hoechst", "BFP", "TagBFP", "Alexa405", "405", "Blue"),
    _CYAN: ("CFP", "Cerulean", "mTurquoise", "Alexa430", "Cyan"),
    _GREEN: ("GFP", "EGFP", "FITC", "Alexa488", "Fluo4", "GCaMP", "Cy2", "488", "Green"),
    _YELLOW: ("YFP", "EYFP", "Venus", "Citrine", "514", "Yellow"),
    _ORANGE: ("Cy3", "TRITC", "Rhodamine", "Alexa546", "Alexa555", "tdTomato", "DsRed", "Orange"),
    _RED: ("RFP", "mCherry", "TexasRed", "Alexa568", "Alexa594", "561", "594", "Red"),
    _MAGENTA: ("Cy5", "Alexa633", "Alexa647", "iRFP", "SiR", "Cy7", "640", "647", "FarRed", "Magenta"),
    GREY: ("BF", "Brightfield", "DIC", "Phase", "PhaseContrast", "Trans", "Transmitted"),
}
"""Names by colour; case, blanks, hyphens and underscores do not count."""

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
_BY_NAME = {name.casefold(): color for color, names in NAMES.items() for name in names}


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
    """Return red, green and blue of a channel by its name, grey where the name is not known."""
    return _BY_NAME.get(re.sub(r"[\s_-]|fluor", "", name.casefold()), GREY)
