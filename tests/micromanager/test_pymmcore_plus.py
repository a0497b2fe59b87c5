"""OME-XML of a pymmcore-plus run on Micro-Manager's demo microscope matches the reports of the core."""

from datetime import datetime

import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage

mm_test_adapters = pytest.importorskip(
    "mm_test_adapters", reason="Micro-Manager's adapters are not installed"
)
pymmcore_plus = pytest.importorskip("pymmcore_plus", reason="pymmcore-plus is not installed")
useq = pytest.importorskip("useq")

pytestmark = pytest.mark.filterwarnings("default")  # of Micro-Manager's packages

PLAN = {
    "channels": [{"config": "DAPI", "exposure": 5}, {"config": "FITC", "exposure": 12}],
    "stage_positions": [{"x": 10, "y": 20, "z": 3, "name": "A1"}, {"x": 100, "y": 50, "z": 5, "name": "B2"}],
    "time_plan": {"interval": 2, "loops": 2},
    "z_plan": {"range": 2, "step": 0.5},
    "axis_order": "tpcz",
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Run a plan into a storage; return its path, the reports of the core, and the summary."""
    path = tmp_path_factory.mktemp("plus") / "run.ome.tiff"
    core = pymmcore_plus.CMMCorePlus()
    core.setDeviceAdapterSearchPaths([str(mm_test_adapters.device_adapter_path())])
    core.loadSystemConfiguration("MMConfig_demo.cfg")
    core.setProperty("Camera", "Binning", "2")
    reported, summaries, storages = [], [], []

    def started(_sequence, meta):
        summaries.append(meta)
        storages.append(TiffStorage(path, meta))

    def ready(frame, event, meta):
        index = event.index
        place = {
            "time": index["t"],
            "z": index["z"],
            "channel": event.channel.config,
            "position": event.pos_name,
        }
        storages[0].put(place, frame, meta)
        state = {
            "exposure_ms": core.getExposure(),
            "xyz_um": (*core.getXYPosition(), core.getZPosition()),
            "pixel_size_um": core.getPixelSizeUm(),
            "runner_time_ms": meta["runner_time_ms"],
        }
        reported.append((place, frame.copy(), state))

    core.mda.events.sequenceStarted.connect(started)
    core.mda.events.frameReady.connect(ready)
    core.mda.run(useq.MDASequence(**PLAN))
    storages[0].close()
    objective = core.getProperty("Objective", "Label")
    binning = core.getProperty("Camera", "Binning")
    core.unloadAllDevices()
    return path, reported, summaries[0], objective, binning


def test_frames_and_metadata_are_read_back(recorded):
    path, reported, summary, *_ = recorded
    with TiffStorage.open(path) as storage:
        assert len(storage.get_image_coordinates_list()) == len(reported) == 2 * 2 * 2 * 5
        for place, frame, state in reported:
            assert (storage[place] == frame).all()
            assert storage.get_metadata(place)["runner_time_ms"] == state["runner_time_ms"]
            assert storage.get_metadata(place)["mda_event"]["pos_name"] == place["position"]
        assert storage.summary_metadata["datetime"] == summary["datetime"]
        assert storage.summary_metadata["mda_sequence"]["z_plan"]["step"] == 0.5


def test_ome_has_what_the_core_reported(recorded):
    path, reported, summary, objective, binning = recorded
    document = from_xml(tifffile.tiffcomment(path))
    assert [image.name for image in document.images] == ["A1", "B2"]
    (found,) = document.instruments[0].objectives
    assert (found.model, found.nominal_magnification) == (objective, 10)
    (detector,) = document.instruments[0].detectors
    assert (detector.manufacturer, detector.model) == ("DCam", "DemoCamera-MultiMode")
    assert [well.column for well in document.plates[0].wells] == [0, 1]
    for image in document.images:
        pixels = image.pixels
        assert image.acquisition_date == datetime.fromisoformat(summary["datetime"])
        assert (pixels.physical_size_z, pixels.time_increment) == (0.5, 2)
        assert [channel.name for channel in pixels.channels] == ["DAPI", "FITC"]
        assert pixels.channels[0].detector_settings.binning.value == f"{binning}x{binning}"
        planes = {(plane.the_t, plane.the_z, plane.the_c): plane for plane in pixels.planes}
        for place, _, state in reported:
            if place["position"] != image.name:
                continue
            plane = planes[place["time"], place["z"], ("DAPI", "FITC").index(place["channel"])]
            assert plane.exposure_time == pytest.approx(state["exposure_ms"] / 1000)
            got = (plane.position_x, plane.position_y, plane.position_z)
            assert got == pytest.approx(state["xyz_um"], abs=0.02)
            # both count from the start that the summary tells
            assert plane.delta_t == pytest.approx(state["runner_time_ms"] / 1000, abs=1e-5)
            assert pixels.physical_size_x == state["pixel_size_um"]
