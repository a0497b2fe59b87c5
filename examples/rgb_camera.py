"""Record with a colour camera: frames of shape (height, width, 3) become RGB images.

The class has all methods that ExEngine calls on a camera. The packed pixels of Micro-Manager's colour cameras
(RGB32, RGB64) are also stored as colour, if their metadata names them.
"""

import numpy as np
from exengine.device_types import Detector
from exengine.events.detector_events import ReadoutData, StartCapture

from exengine_ome_tiff import TiffStorage, acquisition

FRAMES = 4
HEIGHT, WIDTH = 120, 160


class ColourCamera(Detector):  # put your own camera here
    """A simulated camera above a stained slide that moves."""

    def __init__(self, name: str) -> None:
        self._wanted = self._taken = 0
        super().__init__(name)  # last: from here on ExEngine calls the camera on its own thread

    def arm(self, frame_count: int | None = None) -> None:
        """Prepare for a number of frames."""
        self._wanted = frame_count or 0

    def start(self) -> None:
        """Start exposing."""
        self._taken = 0

    def stop(self) -> None:
        """Stop exposing."""
        self._wanted = 0

    def is_stopped(self) -> bool:
        """Return whether no more frames will come."""
        return self._taken >= self._wanted

    def pop_data(self, timeout: float | None = None) -> tuple[np.ndarray | None, dict[str, object] | None]:  # noqa: ARG002
        """Return the next frame and its metadata."""
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        nuclei = np.cos((x + 8 * self._taken) / 6) * np.cos(y / 6) > 0.5
        frame = np.where(nuclei[..., np.newaxis], (90, 60, 140), (230, 170, 200)).astype(np.uint8)
        self._taken += 1
        return frame, {"exposure_ms": 5.0}


storage = TiffStorage("rgb_camera.ome.tiff", numbered=True, pixel_size_um=0.25)

with acquisition(storage) as (engine, handler):
    camera = ColourCamera("Colour")
    engine.submit(StartCapture(FRAMES, camera)).await_execution()
    places = [{"time": time} for time in range(FRAMES)]
    engine.submit(ReadoutData(places, camera, handler, num_blocks=FRAMES)).await_execution()

with TiffStorage.open(storage.path) as finished:
    sizes = finished.images[0].sizes  # S counts the samples of a pixel: red, green and blue
print(f"{storage.path}: {sizes['T']} colour frames of {sizes['Y']} x {sizes['X']} pixels")
