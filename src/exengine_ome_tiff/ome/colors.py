"""Colours of channels by well-known names."""

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

_BY_NAME = {name.casefold(): color for color, names in NAMES.items() for name in names}


def default_color(name: str) -> tuple[int, int, int]:
    """Return red, green and blue of a channel by its name, grey where the name is not known."""
    return _BY_NAME.get(re.sub(r"[\s_-]|fluor", "", name.casefold()), GREY)
