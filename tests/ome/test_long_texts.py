"""Long values of annotations are written in pieces, and read like short ones."""

import json

import numpy as np
import pytest
from ome_types import from_tiff

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.ome import annotations, document

FRAME = np.zeros((4, 4), np.uint16)
TEXT = '<a & b> "c" \x7f\x80\\ é 0'


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
def test_long_texts_are_those_of_the_metadata(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(annotations, "_LONG_TEXT", 50)
    monkeypatch.setattr(document, "_PIECE_BYTES", piece)
    path = tmp_path / "run.ome.tiff"
    texts = [f"{TEXT} {number}" for number in range(20)]
    with TiffStorage(path, {"\x801\x80": "\x800\x80" * 30}) as storage:
        for number, text in enumerate(texts):
            storage.put({"time": number}, FRAME, {"note": text, "constant": TEXT * 9})
    notes = from_tiff(path).structured_annotations.map_annotations
    found = {each.k: each.value for note in notes for each in note.value.ms}
    assert json.loads(found["note"]) == texts
    assert found["constant"] == (TEXT * 9).replace("\x7f", "\ufffd").replace("\x80", "\ufffd")
    assert found[r"\u00801\u0080"] == "\ufffd0\ufffd" * 30
