"""Metadata in a file and in its log."""

import logging

import numpy as np
import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage, info

FRAME = np.ones((6, 8), np.uint16)


class RecordedFile:
    """Elements, annotations and log lines of a file."""

    def __init__(self, path, lines):
        self.path = path
        self.document = from_xml(tifffile.tiffcomment(path))
        self.image = self.document.images[0]
        self.planes = self.image.pixels.planes
        self.lines = lines
        notes = self.document.structured_annotations
        self.notes = {
            pair.k: pair.value
            for note in (notes.map_annotations if notes else ())
            if ":metadata" in note.namespace
            for pair in note.value.ms
        }

    @property
    def detector(self):
        (detector,) = self.document.instruments[0].detectors
        return detector

    @property
    def settings(self):
        return self.image.pixels.channels[0].detector_settings


@pytest.fixture
def record(tmp_path, caplog):
    def write(*frames, summary=None, pixels=FRAME, axis="time", **options):
        path = tmp_path / f"run{len([*tmp_path.iterdir()])}.ome.tiff"
        caplog.clear()
        with caplog.at_level(logging.WARNING), TiffStorage(path, summary, **options) as storage:
            for number, metadata in enumerate(frames):
                storage.put({axis: number}, pixels, metadata)
        logged = [record.message for record in caplog.records if record.name.endswith("finalize")]
        lines = [str(finding) for finding in info(path).check]
        name = path.name.removesuffix(".ome.tiff")
        assert [line.removeprefix(f"{name}: ") for line in lines] == [
            line.partition(": ")[2] for line in logged
        ]
        return RecordedFile(path, lines)

    return write
