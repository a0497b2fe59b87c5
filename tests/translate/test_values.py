"""Bounds of values in light microscopy."""

from exengine_ome_tiff.translate.values import BOUNDS, is_plausible


def test_bounds_are_plausible_themselves():
    for name, (low, high, _) in BOUNDS.items():
        assert is_plausible(name, low)
        assert is_plausible(name, high)
        assert not is_plausible(name, low - 1)
        assert not is_plausible(name, high + 1)
