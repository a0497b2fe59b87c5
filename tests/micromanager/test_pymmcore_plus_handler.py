"""`TiffStorageHandler` stores pymmcore-plus runs: all plans, two cameras, cancelled and failed runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile
from ome_types import from_xml

from exengine_ome_tiff import TiffStorage, info
from exengine_ome_tiff.adapters.pymmcore_plus_handler import TiffStorageHandler
from exengine_ome_tiff.dataset.records import to_json
from exengine_ome_tiff.tiff import open_journal
from readers.bioformats import BioFormats, unavailable_reason

mm_test_adapters = pytest.importorskip(
    "mm_test_adapters", reason="Micro-Manager's adapters are not installed"
)
pymmcore_plus = pytest.importorskip("pymmcore_plus", reason="pymmcore-plus is not installed")
useq = pytest.importorskip("useq")

pytestmark = [
    pytest.mark.filterwarnings("default"),  # of Micro-Manager's packages
    pytest.mark.usefixtures("threads_without_exengine"),
]

EXAMPLE = Path(__file__).parents[2] / "examples" / "pymmcore_plus_run.py"
LOOPS = {"interval": 0, "loops": 3}


@pytest.fixture
def core():
    core = pymmcore_plus.CMMCorePlus()
    core.setDeviceAdapterSearchPaths([str(mm_test_adapters.device_adapter_path())])
    core.loadSystemConfiguration("MMConfig_demo.cfg")
    core.mda.engine.use_hardware_sequencing = False
    yield core
    core.unloadAllDevices()


class Witness:
    """Keeps the frames of the core."""

    def __init__(self):
        self.frames = []
        self.summaries = []

    def sequenceStarted(self, _sequence, summary):  # noqa: N802
        self.summaries.append(summary)

    def frameReady(self, frame, _event, metadata):  # noqa: N802
        self.frames.append((frame.copy(), metadata["runner_time_ms"]))


def run(core, path, sequence):
    """Run a sequence; return the coordinates of its frames, after comparing them with the metadata."""
    witness = Witness()
    with TiffStorageHandler(path) as handler:
        core.mda.run(sequence, output=[handler, witness])
    with TiffStorage.open(path) as storage:
        places = storage.get_image_coordinates_list()
        assert len(places) == len(witness.frames)
        for place, (frame, time_ms) in zip(places, witness.frames, strict=True):
            assert (storage[place] == frame).all()
            assert storage.get_metadata(place)["runner_time_ms"] == time_ms
        assert storage.summary_metadata["datetime"] == witness.summaries[0]["datetime"]
        return places


def test_axes_grids_and_stacks(core, tmp_path):
    grid = useq.MDASequence(grid_plan=useq.GridRowsColumns(rows=1, columns=2))
    sequence = useq.MDASequence(
        channels=["DAPI", "FITC"],
        stage_positions=[useq.Position(x=0, y=0, name="left", sequence=grid), useq.Position(x=900, y=50)],
        z_plan={"range": 2, "step": 1},
    )
    path = tmp_path / "run.ome.tiff"
    places = run(core, path, sequence)
    assert len(places) == 3 * 2 * 3
    assert places[0] == {"position": "left", "tile": 0, "channel": "DAPI", "z": 0}
    assert (info(path).n_planned, info(path).n_missing) == (18, 0)
    assert places[-1] == {"position": 1, "channel": "FITC", "z": 2}
    document = from_xml(tifffile.tiffcomment(path))
    assert [image.name for image in document.images] == ["left, tile 0", "left, tile 1", "position 1"]
    for image, x_um in zip(document.images, (-256, 256, 900), strict=True):
        assert image.pixels.planes[0].position_x == pytest.approx(x_um, abs=0.02)
        assert [channel.name for channel in image.pixels.channels] == ["DAPI", "FITC"]
        assert image.pixels.physical_size_z == 1


def test_a_well_plan_makes_a_plate(core, tmp_path):
    plan = useq.WellPlatePlan(
        plate=useq.WellPlate.from_str("96-well"),
        a1_center_xy=(0, 0),
        selected_wells=([0, 1], [0, 2]),
        well_points_plan=useq.GridRowsColumns(rows=1, columns=2, fov_width=100, fov_height=100),
    )
    run(core, tmp_path / "plate.ome.tiff", useq.MDASequence(stage_positions=plan))
    (plate,) = from_xml(tifffile.tiffcomment(tmp_path / "plate.ome.tiff")).plates
    assert (plate.name, plate.rows, plate.columns) == ("96-well", 8, 12)
    assert [(well.row, well.column, len(well.well_samples)) for well in plate.wells] == [(0, 0, 2), (1, 2, 2)]


@pytest.mark.parametrize("sequencing", [True, False])
def test_hardware_sequences_and_two_cameras(core, tmp_path, sequencing):
    core.mda.engine.use_hardware_sequencing = sequencing
    one = run(core, tmp_path / "one.ome.tiff", useq.MDASequence(time_plan=LOOPS))
    assert one == [{"time": 0}, {"time": 1}, {"time": 2}]
    with TiffStorage.open(tmp_path / "one.ome.tiff") as storage:
        assert storage.get_metadata(one[0]).get("hardware_triggered", False) is sequencing
    core.loadDevice("Second", "DemoCamera", "DCam")
    core.initializeDevice("Second")
    core.setProperty("Second", "PixelType", core.getProperty("Camera", "PixelType"))
    core.loadDevice("Both", "Utilities", "Multi Camera")
    core.initializeDevice("Both")
    core.setProperty("Both", "Physical Camera 1", "Camera")
    core.setProperty("Both", "Physical Camera 2", "Second")
    core.setCameraDevice("Both")
    places = run(core, tmp_path / "two.ome.tiff", useq.MDASequence(time_plan=LOOPS))
    assert places == [{"time": t, "camera": camera} for t in range(3) for camera in ("Camera", "Second")]


def test_the_plan_is_stored_once(core, tmp_path):
    core.setROI(0, 0, 32, 32)
    records_nbytes = {}
    for count in (16, 32, 64):
        path, witness = tmp_path / f"{count}.ome.tiff", Complete()
        positions = [(count * 0.7, -count / 3, 0) for count in range(count)]
        with TiffStorageHandler(path) as handler:
            core.mda.run(useq.MDASequence(stage_positions=positions), output=[handler, witness])
        file, pages = open_journal(path)
        records_nbytes[count] = sum(len(page.note) for page in pages)
        file.close()
        with TiffStorage.open(path) as storage:
            places = storage.get_image_coordinates_list()
            written = [json.dumps(storage.get_metadata(place)) for place in places]
        assert written == [json.dumps(json.loads(to_json(each)[0])) for each in witness.metadata]
    assert records_nbytes[64] - records_nbytes[32] < 2.2 * (records_nbytes[32] - records_nbytes[16])
    assert records_nbytes[64] < 64 * 32 * 32 * 2


class Complete(Witness):
    """Also keeps the metadata."""

    def __init__(self):
        super().__init__()
        self.metadata = []

    def frameReady(self, frame, event, metadata):  # noqa: N802
        super().frameReady(frame, event, metadata)
        self.metadata.append(metadata)


def test_canceled_and_failed_runs_are_finished(core, tmp_path):
    sequence = useq.MDASequence(time_plan={"interval": 0, "loops": 50})

    class Stopping(Witness):
        def frameReady(self, frame, event, metadata):  # noqa: N802
            super().frameReady(frame, event, metadata)
            core.mda.cancel()

    with TiffStorageHandler(tmp_path / "canceled.ome.tiff") as handler:
        core.mda.run(sequence, output=[handler, Stopping()])
        assert handler.storage.is_finished()
    set_up, started = core.mda.engine.setup_event, []

    def failing(event):
        started.append(event)
        if len(started) > 2:
            raise RuntimeError("the stage is stuck")
        set_up(event)

    core.mda.engine.setup_event = failing
    with TiffStorageHandler(tmp_path / "failed.ome.tiff") as handler:
        with pytest.raises(RuntimeError, match="stuck"):
            core.mda.run(sequence, output=handler)
        assert handler.storage.is_finished()
    for name, least, most in (("canceled", 1, 49), ("failed", 2, 2)):
        with tifffile.TiffFile(tmp_path / f"{name}.ome.tiff") as file:
            assert file.is_ome
            assert least <= len(file.pages) <= most
            n_missing = 50 - len(file.pages)
        assert info(tmp_path / f"{name}.ome.tiff").n_missing == n_missing


@pytest.mark.skipif(unavailable_reason() is not None, reason=str(unavailable_reason()))
def test_bioformats_opens_the_file_of_the_example(tmp_path):
    done = subprocess.run(
        [sys.executable, EXAMPLE], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with BioFormats(tmp_path / "pymmcore_plus_run_001.ome.tiff") as opened:
        assert [(s.name, s.size_z, s.size_c, s.size_t) for s in opened.series] == [
            ("left", 5, 2, 3),
            ("right", 5, 2, 3),
        ]
        assert opened.warnings == []
