"""Labels of objectives as in four catalogues, and as people write them."""

import pytest

from exengine_ome_tiff.translate.objective_labels import is_objective, read_label

LABELS = [
    # Nikon
    ("Nikon 10X S Fluor", 10, None, None),
    ("Nikon 20X Plan Fluor ELWD", 20, None, None),
    ("Nikon 60x/1.4 Oil", 60, 1.4, "Oil"),
    ("Nikon 60X/1.40 Oil", 60, 1.4, "Oil"),
    ("Plan Apo λ 20x", 20, None, None),
    ("CFI Plan Apo Lambda 60x Oil NA 1.40", 60, 1.4, "Oil"),
    ("CFI60 Plan Apo 20x/0.75", 20, 0.75, None),
    ("Plan Apo VC 100x Oil DIC N2", 100, None, "Oil"),
    ("Apo TIRF 100x Oil DIC N2 NA 1.49", 100, 1.49, "Oil"),
    ("S Plan Fluor ELWD 40x DIC NA 0.6", 40, 0.6, None),
    ("CFI Apo LWD Lambda S 40XC WI", 40, None, "Water"),
    ("Plan Apo VC 60xA WI DIC N2", 60, None, "Water"),
    ("Apo LWD 25x/1.10W DIC N2", 25, 1.1, "Water"),
    ("CFI75 LWD 16XW/0.80", 16, 0.8, "Water"),
    ("CFI Plan Apochromat Lambda D 20XC MI", 20, None, "Multi"),
    ("Plan Apo 10x 0.45", 10, 0.45, None),
    ("CFI SR HP Apochromat TIRF 100XC Oil, NA=1.49, WD 0.12", 100, 1.49, "Oil"),
    ("Plan Apo 20x 0.75NA", 20, 0.75, None),
    ("CFI Plan Fluor 4X/0.13 WD 17.2mm", 4, 0.13, None),
    ("Plan Fluor 40x Oil DIC H N2 1.3 NA", 40, 1.3, "Oil"),
    # positions in the turret
    ("1-40x Air 0.95", 40, 0.95, "Air"),
    ("1: 60x Oil 1.4", 60, 1.4, "Oil"),
    ("1-Plan 4x", 4, None, None),
    # engraved without x
    ("Plan 100/1.25 Oil 160/0.17", 100, 1.25, "Oil"),
    ("Achroplan 40/0,65", 40, 0.65, None),
    ("Plan 160/0.17", None, None, None),
    ("Filter 525/50", None, None, None),
    # Olympus, Evident
    ("UPLXAPO60XO 1.42", 60, 1.42, "Oil"),
    ("UPLXAPO20X 0.8", 20, 0.8, None),
    ("UPLSAPO 100XO/1.40", 100, 1.4, "Oil"),
    ("UPlanSApo 60x/1.35 oil", 60, 1.35, "Oil"),
    ("LUCPlanFL N 40x/0.60 Ph2", 40, 0.6, None),
    ("UApo/340 40x/1.35 Oil", 40, 1.35, "Oil"),
    ("XLUMPlanFl 20x/0.95W", 20, 0.95, "Water"),
    ("UPlanXApo 4x/0.16", 4, 0.16, None),
    ("UPLSAPO30XS 1.05", 30, 1.05, "Other"),
    ("UAPON100XOTIRF 1.49", 100, 1.49, "Oil"),
    ("LUMPLFLN60XW 1.0", 60, 1.0, "Water"),
    ("PLAPON60XOSC2 1.4", 60, 1.4, "Oil"),
    ("UPLFLN100XO2 1.3", 100, 1.3, "Oil"),
    ("60XW/1.2", 60, 1.2, "Water"),
    ("UPLSAPO 60x silicone 1.30", 60, 1.3, "Other"),
    ("MPlanApo N 50x/0.95", 50, 0.95, None),
    # Zeiss
    ("Plan-Apochromat 63x/1.40 Oil DIC M27", 63, 1.4, "Oil"),
    ("EC Plan-Neofluar 10x/0.30 M27", 10, 0.3, None),
    ("C-Apochromat 40x/1.2 W Korr", 40, 1.2, "Water"),
    ("LD LCI Plan-Apochromat 25x/0.8 Imm Korr DIC M27", 25, 0.8, "Multi"),
    ("W Plan-Apochromat 20x/1.0 DIC", 20, 1.0, "WaterDipping"),
    ("W N-Achroplan 40x/0.75", 40, 0.75, "WaterDipping"),
    ("Fluar 5x/0.25", 5, 0.25, None),
    ("alpha Plan-Apochromat 100x/1.46 Oil DIC", 100, 1.46, "Oil"),
    ("LD A-Plan 20x/0,35 Ph1", 20, 0.35, None),
    ("Plan-Apochromat 1.25x/0.03", 1.25, 0.03, None),
    ("Optovar 1.6x 20x/0.8", 20, 0.8, None),
    ("Plan-Neofluar 2.5x/0.075", 2.5, 0.075, None),
    ("63x_1.4_Oil", 63, 1.4, "Oil"),
    ("Clr Plan-Neofluar 20x/1.0 Corr nd=1.45 Imm", 20, 1.0, "Multi"),
    # Leica
    ("HC PL APO 63x/1.40 OIL CS2", 63, 1.4, "Oil"),
    ("HCX PL APO CS 63.0x1.40 OIL UV", 63, 1.4, "Oil"),
    ("HC PL FLUOTAR 10x/0.30", 10, 0.3, None),
    ("HC PL IRAPO 40x/1.10 W CORR", 40, 1.1, "Water"),
    ("HC FLUOTAR L 25x/0.95 W VISIR", 25, 0.95, "Water"),
    ("N PLAN 5x/0.12", 5, 0.12, None),
    ("HC PL APO 93X/1.30 GLYC motCORR STED", 93, 1.3, "Glycerol"),
    ("HC PL APO 20x/0.75 IMM CORR CS2", 20, 0.75, "Multi"),
    ("HCX APO L U-V-I 40.0x0.80 WATER", 40, 0.8, "Water"),
    ("HC PL APO 100x/1.44 OIL CORR CS", 100, 1.44, "Oil"),
    ("HC PL APO 10x/0.40 DRY", 10, 0.4, "Air"),
    # as people write them
    ("10x", 10, None, None),
    ("4", None, None, None),
    ("Position-3", None, None, None),
    ("40X air 0.95", 40, 0.95, "Air"),
    ("100x/1.45 (oil)", 100, 1.45, "Oil"),
    ("20x / NA 0.75 / air", 20, 0.75, "Air"),
    ("Glycerin 63x 1,3", 63, 1.3, "Glycerol"),
    ("water dipping 40x/0.8", 40, 0.8, "WaterDipping"),
    ("PlanApo-60x-NA1.4-oil", 60, 1.4, "Oil"),
    ("Plan 10x/0.25 ∞/0.17", 10, 0.25, None),
    ("20x0.75", 20, 0.75, None),
    ("Zoom 2x 10x/0.3", 10, 0.3, None),
]


@pytest.mark.parametrize(("label", "magnification", "aperture", "immersion"), LABELS)
def test_labels_are_parsed(label, magnification, aperture, immersion):
    assert read_label(label) == (magnification, aperture, immersion)


@pytest.mark.parametrize(
    ("device", "label", "name", "expected"),
    [
        ("Objective", "State-3", None, True),
        ("Nosepiece", "60x", None, True),
        ("TINosePiece", "1-Plan Apo 10x", None, True),
        ("Dev7", "anything", "DObjective", True),
        ("ObjectiveTurret", "10x/0.3", None, True),
        ("Turret", "20x/0.8", None, True),
        ("FilterTurret1", "GFP 10x", None, False),
        ("Turret", "DAPI", None, False),
        ("Emission", "Chroma-HQ535", "DWheel", False),
        ("Objective offset", "10x", None, False),
        ("ND wheel", "10x", None, False),
    ],
)
def test_objective_turrets_are_recognised(device, label, name, expected):
    assert is_objective(device, label, name) is expected
