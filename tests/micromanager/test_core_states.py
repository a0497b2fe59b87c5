"""Files of pymmcore-plus runs that change the microscope match the reports of the core."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import tifffile
from ome_types import OME, from_xml

from exengine_ome_tiff import TiffStorage

mm_test_adapters = pytest.importorskip(
    "mm_test_adapters", reason="Micro-Manager's adapters are not installed"
)
pymmcore_plus = pytest.importorskip("pymmcore_plus", reason="pymmcore-plus is not installed")
useq = pytest.importorskip("useq")

pytestmark = pytest.mark.filterwarnings("default")  # of Micro-Manager's packages

CONFIGURATION = "MMConfig_demo.cfg"
BY_PLANE, CONSTANT = "urn:exengine-ome-tiff:metadata-by-plane", "urn:exengine-ome-tiff:metadata"
TEN, TWENTY, FORTY = "Nikon 10X S Fluor", "Nikon 20X Plan Fluor ELWD", "Nikon 40X Plan Fluor ELWD"
SIDE = 64


class Frame(NamedTuple):
    """A frame of a run."""

    place: dict[str, int | str]
    metadata: dict[str, Any]
    core: dict[str, Any]
    """The report of the core when the frame was ready."""


class Run(NamedTuple):
    """A run and its file."""

    document: OME
    frames: list[Frame]


@pytest.fixture
def core() -> Iterator[Any]:
    """Return the core, with small frames."""
    core = pymmcore_plus.CMMCorePlus()
    core.setDeviceAdapterSearchPaths([str(mm_test_adapters.device_adapter_path())])
    core.loadSystemConfiguration(CONFIGURATION)
    small(core, "Camera")
    yield core
    core.unloadAllDevices()


def small(core: Any, camera: str) -> None:
    """Set a camera to frames of 64 x 64."""
    core.setProperty(camera, "OnCameraCCDXSize", SIDE)
    core.setProperty(camera, "OnCameraCCDYSize", SIDE)
    core.setProperty(camera, "PixelType", "16bit")


def state_of(core: Any, camera: str, turret: str) -> dict[str, Any]:
    return {
        "exposure_ms": core.getExposure(),
        "pixel_size_um": core.getPixelSizeUm(),
        "binning": core.getProperty(camera, "Binning"),
        "gain": float(core.getProperty(camera, "Gain")),
        "bits": int(core.getProperty(camera, "BitDepth")),
        "serial": core.getProperty(camera, "CameraID"),
        "objective": core.getProperty(turret, "Label"),
    }


def record(
    core: Any,
    path: Path,
    events: Sequence[Any],
    turret: str = "Objective",
    by_hardware: bool = False,
    place_of: Callable[[Any, Any], dict[str, int | str]] | None = None,
) -> Run:
    """Run events into a file, and keep the reports of the core."""
    frames: list[Frame] = []
    storages: list[TiffStorage] = []

    def ready(frame: Any, event: Any, meta: Any) -> None:
        place = place_of(event, meta) if place_of else {"time": event.index["t"]}
        if event.pos_name:
            place["position"] = event.pos_name
        storages[0].put(place, frame, meta)
        frames.append(Frame(place, dict(meta), state_of(core, meta["camera_device"], turret)))

    core.mda.events.sequenceStarted.connect(lambda _, meta: storages.append(TiffStorage(path, meta)))
    core.mda.events.frameReady.connect(ready)
    core.mda.engine.use_hardware_sequencing = by_hardware
    core.mda.run(events)
    storages[0].close()
    assert len(frames) >= len(events)
    return Run(from_xml(tifffile.tiffcomment(path)), frames)


def notes(document: OME, image: Any, namespace: str) -> dict[str, str]:
    """Return the annotations of an image in a namespace."""
    refs = {ref.id for ref in image.annotation_refs}
    all_notes = document.structured_annotations.map_annotations
    found = [note for note in all_notes if note.id in refs and note.namespace == namespace]
    return {pair.k: pair.value for note in found for pair in note.value.ms}


def objective_of(document: OME, image: Any) -> str | None:
    """Return the model of the objective of an image."""
    if image.objective_settings is None:
        return None
    (model,) = [
        each.model
        for instrument in document.instruments
        for each in instrument.objectives
        if each.id == image.objective_settings.id
    ]
    return model


def event(time: int, position: str = "", **settings: Any) -> Any:
    """Make an event; `settings` are camera properties and the label of the objective."""
    properties = [
        ("Objective", "Label", value) if name == "objective" else ("Camera", name, value)
        for name, value in settings.items()
    ]
    index = {"t": time} | ({"p": ord(position) - ord("A")} if position else {})
    return useq.MDAEvent(index=index, pos_name=position or None, exposure=2, properties=properties)


def test_hardware_triggered_frames_have_the_exposures_of_their_events(core, tmp_path):
    core.setProperty("Camera", "UseExposureSequences", "Yes")
    exposures_ms = [3.0, 11.0, 6.0, 25.0]
    events = [useq.MDAEvent(index={"t": t}, exposure=each) for t, each in enumerate(exposures_ms)]
    run = record(core, tmp_path / "run.ome.tiff", events, by_hardware=True)
    assert all(frame.metadata["hardware_triggered"] for frame in run.frames)
    assert len({frame.metadata["exposure_ms"] for frame in run.frames}) == 1  # the core does not follow
    planes = run.document.images[0].pixels.planes
    assert [plane.exposure_time for plane in planes] == pytest.approx([ms / 1000 for ms in exposures_ms])
    elapsed_s = [float(frame.metadata["camera_metadata"]["ElapsedTime-ms"]) / 1000 for frame in run.frames]
    assert [plane.delta_t - planes[0].delta_t for plane in planes] == pytest.approx(
        [each - elapsed_s[0] for each in elapsed_s], abs=0.05
    )


def test_each_image_has_its_own_objective_and_pixel_size(core, tmp_path):
    events = [
        event(0, "A", objective=TWENTY),
        event(1, "A"),
        event(0, "B", objective=FORTY),
        event(1, "B"),
        event(0, "C", objective=TEN),
    ]
    run = record(core, tmp_path / "run.ome.tiff", events)
    for image in run.document.images:
        (state,) = {
            (frame.core["objective"], frame.core["pixel_size_um"])
            for frame in run.frames
            if frame.place["position"] == image.name
        }
        assert (objective_of(run.document, image), image.pixels.physical_size_x) == state
    found = {each.model: each.nominal_magnification for each in run.document.instruments[0].objectives}
    assert found == {TEN: 10, TWENTY: 20, FORTY: 40}


def test_an_objective_set_by_a_preset_belongs_to_its_image(core, tmp_path):
    events = [
        useq.MDAEvent(
            index={"t": 0, "p": p},
            pos_name=name,
            exposure=2,
            channel={"group": "Objective", "config": preset},
        )
        for p, (name, preset) in enumerate([("A", "40X"), ("B", "20X")])
    ]
    run = record(core, tmp_path / "run.ome.tiff", events)
    assert [frame.core["objective"] for frame in run.frames] == [FORTY, TWENTY]
    assert [objective_of(run.document, image) for image in run.document.images] == [FORTY, TWENTY]


def test_objectives_that_change_inside_an_image_are_annotated_by_plane(core, tmp_path):
    events = [event(0), event(1, objective=TWENTY), event(2), event(3, objective=FORTY)]
    run = record(core, tmp_path / "run.ome.tiff", events)
    (image,) = run.document.images
    assert objective_of(run.document, image) is None
    assert image.pixels.physical_size_x is None
    told = notes(run.document, image, BY_PLANE)
    assert json.loads(told["objective"]) == [frame.core["objective"] for frame in run.frames]
    assert json.loads(told["pixel_size_um"]) == [frame.core["pixel_size_um"] for frame in run.frames]


def test_each_image_has_its_own_binning_and_gain(core, tmp_path):
    events = [
        event(0, "A", Gain=3),
        event(1, "A"),
        event(0, "B", Binning=2, Gain=-4),
        event(1, "B"),
        event(0, "C", Binning=4),
    ]
    run = record(core, tmp_path / "run.ome.tiff", events)
    assert [image.pixels.size_x for image in run.document.images] == [SIDE, SIDE // 2, SIDE // 4]
    for image in run.document.images:
        (state,) = {
            (f"{frame.core['binning']}x{frame.core['binning']}", frame.core["gain"])
            for frame in run.frames
            if frame.place["position"] == image.name
        }
        settings = image.pixels.channels[0].detector_settings
        assert (settings.binning.value, settings.gain) == state
        (size_um,) = {
            frame.core["pixel_size_um"] for frame in run.frames if frame.place["position"] == image.name
        }
        assert image.pixels.physical_size_x == size_um


def test_binning_and_gain_that_change_inside_an_image_are_annotated_by_plane(core, tmp_path):
    double = {"Binning": 2, "OnCameraCCDXSize": 2 * SIDE, "OnCameraCCDYSize": 2 * SIDE, "Gain": 5}
    events = [event(0, Gain=1), event(1), event(2, **double), event(3)]
    run = record(core, tmp_path / "run.ome.tiff", events)
    (image,) = run.document.images
    settings = image.pixels.channels[0].detector_settings
    assert (settings.binning, settings.gain) == (None, None)
    told = notes(run.document, image, BY_PLANE)
    assert json.loads(told["gain"]) == [frame.core["gain"] for frame in run.frames] == [1, 1, 5, 5]
    assert json.loads(told["binning"]) == ["1x1", "1x1", "2x2", "2x2"]


def test_two_cameras_are_two_channels_with_their_own_detectors(core, tmp_path):
    core.loadDevice("Camera2", "DemoCamera", "DCam")
    core.setParentLabel("Camera2", "DHub")
    core.loadDevice("Both", "Utilities", "Multi Camera")
    core.initializeDevice("Camera2")
    core.initializeDevice("Both")
    small(core, "Camera2")
    for number, label in enumerate(("Camera", "Camera2"), 1):
        core.setProperty("Both", f"Physical Camera {number}", label)
    core.updateSystemStateCache()
    core.setProperty("Camera", "Gain", 2)
    core.setProperty("Camera2", "Gain", 7)
    core.setCameraDevice("Both")
    run = record(
        core,
        tmp_path / "run.ome.tiff",
        [useq.MDAEvent(index={"t": t}, exposure=2) for t in range(2)],
        place_of=lambda event, meta: {"time": event.index["t"], "channel": meta["camera_device"]},
    )
    (image,) = run.document.images
    assert [channel.name for channel in image.pixels.channels] == ["Camera", "Camera2"]
    detectors = {each.id: each for each in run.document.instruments[0].detectors}
    assert len(detectors) == 2
    for channel in image.pixels.channels:
        (gain,) = {frame.core["gain"] for frame in run.frames if frame.place["channel"] == channel.name}
        assert channel.detector_settings.gain == gain
        assert detectors[channel.detector_settings.id].model == "DemoCamera-MultiMode"


@pytest.mark.parametrize("kind", ["DObjective", "DStateDevice"])
def test_a_turret_called_nosepiece_has_the_objective(core, tmp_path, kind):
    core.unloadDevice("Objective")
    core.loadDevice("Nosepiece", "DemoCamera", kind)
    core.setParentLabel("Nosepiece", "DHub")
    core.initializeDevice("Nosepiece")
    labels = ("Plan Apo 60x/1.40 Oil", "CFI Plan Fluor 4X/0.13")
    for number, label in enumerate(labels):
        core.defineStateLabel("Nosepiece", number, label)
    core.setState("Nosepiece", 0)
    events = [
        event(0, "A"),
        useq.MDAEvent(
            index={"t": 0, "p": 1}, pos_name="B", exposure=2, properties=[("Nosepiece", "State", 1)]
        ),
    ]
    run = record(core, tmp_path / "run.ome.tiff", events, turret="Nosepiece")
    assert [frame.core["objective"] for frame in run.frames] == [*labels]
    assert [objective_of(run.document, image) for image in run.document.images] == [*labels]
    found = {
        each.model: (each.nominal_magnification, each.lens_na)
        for each in run.document.instruments[0].objectives
    }
    assert found == {labels[0]: (60, 1.4), labels[1]: (4, 0.13)}
