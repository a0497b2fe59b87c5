"""Another process reads each new frame during the acquisition, and prints what a viewer would show.

That process only reads the file, so it can start and end at any time.
"""

from multiprocessing import get_context
from pathlib import Path
from time import sleep

from exengine.events.detector_events import ReadoutData, StartCapture

from exengine_ome_tiff import OmeTiffError, TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

FRAMES = 20
INTERVAL_S = 0.1


def watch(path: Path) -> None:
    """Print each new frame, until the acquisition is finished."""
    with opened(path) as storage:
        for coordinates in storage.follow(timeout=60):
            print(f"{coordinates}, mean {storage[coordinates].mean():.1f}")


def opened(path: Path) -> TiffStorage:
    """Open the dataset as soon as it has a frame."""
    while True:
        try:
            return TiffStorage.open(path, allow_unfinished=True)
        except OmeTiffError:
            sleep(INTERVAL_S)


if __name__ == "__main__":
    storage = TiffStorage("live_view.ome.tiff", numbered=True)
    viewer = get_context("spawn").Process(target=watch, args=(storage.path,))
    viewer.start()
    with acquisition(storage) as (engine, handler):
        camera = SimulatedMicroscope((512, 512)).camera  # put your own camera here
        for time in range(FRAMES):
            engine.submit(StartCapture(1, camera)).await_execution()
            engine.submit(ReadoutData([{"time": time}], camera, handler, num_blocks=1)).await_execution()
            sleep(INTERVAL_S)
    viewer.join()
    print(f"{storage.path}: {FRAMES} frames, which the other process read during the run")
