"""Default colours for common channel names."""

import pytest

from exengine_ome_tiff.ome.colors import default_color

COLORS = {
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "green": (0, 255, 0),
    "yellow": (255, 255, 0),
    "orange": (255, 128, 0),
    "red": (255, 0, 0),
    "magenta": (255, 0, 255),
    "grey": (255, 255, 255),
}
NAMES = """
blue: DAPI, Hoechst 33342, Hoechst33258, TagBFP2, Alexa Fluor 405, AF405, DAPI (nuclei), 405
cyan: CFP, mTurquoise2, mCerulean3, Alexa 430, mTFP1
green: GFP, EGFP, sfGFP, FITC, AF488, Alexa Fluor 488, Alexa488, Phalloidin-AF488, mNeonGreen, 488
green: GCaMP6, GCaMP6f, jGCaMP8s, Fluo-4, CF488A, ATTO 488, DyLight488, Oregon Green 488, LifeAct-GFP, GFP_561
yellow: YFP, mVenus, Citrine, Alexa Fluor 532, 514
orange: Cy3, TRITC, JF549, JFX554, tdTomato, TMRM, AF555, WGA-Alexa Fluor 555, Alexa 546, mOrange2
orange: Rhodamine B, jRGECO1a
red: mCherry, mScarlet, mScarlet-I, mScarlet3, TagRFP-T, Texas Red, AF594, ATTO 565, CF568, H2B-mCherry, 561
magenta: Cy5, AF647, Alexa Fluor 647, JF646, SiR-DNA, iRFP670, miRFP703, DRAQ5, ATTO 647N, Far Red, Cy5.5
grey: BF, Brightfield, DIC, Phase contrast, my dye, Default, 0, Infrared, BFX, Spired, Camera 1
"""


@pytest.mark.parametrize("line", NAMES.strip().splitlines())
def test_default_colors_of_common_names(line):
    color, _, names = line.partition(": ")
    for name in names.split(", "):
        for spelling in (name, name.upper(), name.replace(" ", "_")):
            assert default_color(spelling) == COLORS[color], spelling


def test_the_longest_wavelength_of_each_color_of_dyes():
    colors = [default_color(f"AF{wavelength_nm}") for wavelength_nm in (415, 460, 505, 535, 560, 625, 626)]
    assert colors == [*COLORS.values()][:7]
