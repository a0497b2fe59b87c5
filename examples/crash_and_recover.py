"""Kill an acquisition without warning, and recover every frame that it had stored.

The same on the command line: exengine-ome-tiff recover crash_and_recover_001.ome.tiff
"""

from itertools import count
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Semaphore
from pathlib import Path

from exengine.events.detector_events import ReadoutData, StartContinuousCapture
from exengine.notifications import DataStoredNotification

from exengine_ome_tiff import TiffStorage, acquisition, recover
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

FRAMES = 20


def acquire(stored: Semaphore, paths: "Queue[Path]") -> None:
    """Acquire until killed, and count the frames in the file."""

    def count_stored(_notification: DataStoredNotification) -> None:
        storage.flush()  # small frames that arrive fast wait up to 0.25 s in memory
        stored.release()

    storage = TiffStorage("crash_and_recover.ome.tiff", numbered=True)
    paths.put(storage.path)
    with acquisition(storage) as (engine, handler):
        camera = SimulatedMicroscope((512, 512)).camera
        engine.subscribe_to_notifications(count_stored, DataStoredNotification)
        engine.submit(StartContinuousCapture(camera))
        engine.submit(ReadoutData(({"time": time} for time in count()), camera, handler)).await_execution()


if __name__ == "__main__":
    context = get_context("spawn")
    stored, paths = context.Semaphore(0), context.Queue()
    process = context.Process(target=acquire, args=(stored, paths))
    process.start()
    path = paths.get()
    for _ in range(FRAMES):
        stored.acquire()
    process.kill()  # no `finish`, no `close`
    process.join()

    recovered = recover(path)
    print(f"{path}: recovered {recovered.n_frames} frames of a killed acquisition")
