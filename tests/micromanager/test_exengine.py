"""OME-XML of an ExEngine run on Micro-Manager's demo microscope matches the reports of the core."""

from datetime import UTC, datetime, timedelta

import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage

pytest.importorskip("mmpycorex", reason="Micro-Manager is not installed")
pytest.importorskip("mm_test_adapters", reason="Micro-Manager's adapters are not installed")

from exengine_ome_tiff.demo.acquisition import DemoPlan, run
from exengine_ome_tiff.demo.micromanager_microscope import DescribedCamera, MicroManagerMicroscope

pytestmark = pytest.mark.filterwarnings("default")  # of Micro-Manager's packages


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Run the demo; return its path, and the reports of the core for each frame."""
    from mmpycorex import Core

    reported = []
    pop = DescribedCamera.pop_data

    def popped(self, timeout=None):
        pixels, metadata = pop(self, timeout)
        if pixels is not None:
            core = Core()
            xyz_um = (core.get_x_position(), core.get_y_position(), core.get_position())
            reported.append(
                (xyz_um, core.get_exposure(), core.get_pixel_size_um(), core.get_image_bit_depth())
            )
        return pixels, metadata

    path = tmp_path_factory.mktemp("exengine") / "run.ome.tiff"
    DescribedCamera.pop_data = popped
    try:
        with TiffStorage(path) as storage:
            plan = DemoPlan(positions=2, time_points=2, channels=("DAPI", "FITC"), z_slices=3, size=64)
            run(plan, storage, MicroManagerMicroscope)
            order = storage.get_image_coordinates_list()
    finally:
        DescribedCamera.pop_data = pop
    return path, list(zip(order, reported, strict=True))


def test_ome_has_what_the_core_reported(recorded):
    path, frames = recorded
    document = from_xml(tifffile.tiffcomment(path))
    assert [image.name for image in document.images] == ["Pos0", "Pos1"]
    assert len(frames) == 2 * 2 * 2 * 3
    for image in document.images:
        pixels = image.pixels
        age = datetime.now(UTC) - image.acquisition_date
        assert timedelta(0) <= age < timedelta(minutes=10)
        assert pixels.physical_size_z == pytest.approx(1.5)
        assert pixels.channels[0].detector_settings.binning.value == "1x1"
        planes = {(plane.the_t, plane.the_c, plane.the_z): plane for plane in pixels.planes}
        delta_s = [
            planes[key].delta_t for key in sorted(planes, key=lambda key: (key[0], planes[key].delta_t))
        ]
        assert delta_s == sorted(delta_s)
        heights = sorted({place["z"] for place, _ in frames})
        for place, (xyz_um, exposure_ms, pixel_size_um, bits) in frames:
            if place["position"] != image.name:
                continue
            channel = ("DAPI", "FITC").index(place["channel"])
            plane = planes[place["time"], channel, heights.index(place["z"])]
            assert (plane.position_x, plane.position_y, plane.position_z) == pytest.approx(xyz_um)
            assert plane.exposure_time == pytest.approx(exposure_ms / 1000)
            assert pixels.physical_size_x == pytest.approx(pixel_size_um)
            assert pixels.significant_bits == bits
    with TiffStorage.open(path) as storage:
        for place, (xyz_um, *_) in frames:
            assert storage.get_metadata(place)["ZPositionUm"] == xyz_um[2]


def test_own_keys_are_added_to_those_of_the_camera(tmp_path, monkeypatch):
    own = {"sample": "HeLa 7", "laser_mW": 3.5, "objective_temperature_C": "36.9"}
    pop = DescribedCamera.pop_data
    tags = []

    def popped(self, timeout=None):
        pixels, metadata = pop(self, timeout)
        if pixels is None:
            return None, None
        tags.append(metadata)
        return pixels, metadata | own

    monkeypatch.setattr(DescribedCamera, "pop_data", popped)
    path = tmp_path / "run.ome.tiff"
    with TiffStorage(path) as storage:
        plan = DemoPlan(positions=1, time_points=2, channels=("DAPI",), z_slices=1, size=64)
        run(plan, storage, MicroManagerMicroscope)
    document = from_xml(tifffile.tiffcomment(path))
    (image,) = document.images
    notes = {
        pair.k: pair.value
        for note in document.structured_annotations.map_annotations
        if note.namespace == "urn:exengine-ome-tiff:metadata"
        for pair in note.value.ms
    }
    assert {key: notes[key] for key in own} == {key: str(value) for key, value in own.items()}
    assert image.pixels.channels[0].detector_settings.binning.value == "1x1"
    assert len(image.pixels.planes) == len(tags) == 2
    for plane, each in zip(image.pixels.planes, tags, strict=True):
        assert plane.exposure_time == pytest.approx(each["Exposure-ms"] / 1000)
        assert plane.position_z == pytest.approx(each["ZPositionUm"])
        assert image.pixels.physical_size_x == each["PixelSizeUm"]
