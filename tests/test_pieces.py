"""Splitting arrays into pieces."""

import numpy as np

from exengine_ome_tiff.pieces import MANY, pieces


def test_pieces_cover_each_item_once():
    items = np.arange(2 * MANY + 7)
    found = [items[piece] for piece in pieces(len(items))]
    assert [*map(len, found)] == [MANY, MANY, 7]
    assert (np.concatenate(found) == items).all()


def test_pieces_may_be_smaller():
    assert [*pieces(5, 2)] == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert [*pieces(0)] == []
