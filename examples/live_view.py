"""Another process looks at each new frame while the acquisition goes on; a viewer would show what it prints.

It only reads the file, so it can come and go, and can be any program that reads TIFF.
"""

from multiprocessing import get_context
from pathlib import Path
from time import sleep

from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff import OmeTiffError
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

FRAMES = 20
INTERVAL_S = 0.1


def watch(path: Path) -> None:
    """Print what is newest in the file until all frames are there."""
    seen = 0
    while seen < FRAMES:
        sleep(INTERVAL_S / 2)
        try:
            storage = TiffStorage.open(path, allow_unfinished=True)
        except OmeTiffError:  # no frame in it yet
            continue
        with storage:
            places = storage.get_image_coordinates_list()
            if len(places) > seen:
                seen = len(places)
                print(f"{seen} frames, newest {places[-1]}, mean {storage[places[-1]].mean():.1f}")


if __name__ == "__main__":
    engine = ExecutionEngine()
    camera = SimulatedMicroscope((512, 512)).camera  # put your own camera here
    storage = TiffStorage("live_view.ome.tiff", numbered=True)
    viewer = get_context("spawn").Process(target=watch, args=(storage.path,))
    viewer.start()
    handler = DataHandler(storage)
    try:
        for time in range(FRAMES):
            engine.submit(StartCapture(1, camera)).await_execution()
            engine.submit(ReadoutData([{"time": time}], camera, handler, num_blocks=1)).await_execution()
            sleep(INTERVAL_S)
        engine.check_exceptions()
    finally:
        handler.finish()
        handler.await_completion()
        engine.shutdown()
        storage.close()
    viewer.join()
