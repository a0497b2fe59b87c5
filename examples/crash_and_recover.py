"""An acquisition is killed without warning; every frame that it had stored is recovered.

The same on the command line: exengine-ome-tiff recover crash_and_recover_001.ome.tiff
"""

from itertools import count
from multiprocessing import get_context
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Semaphore
from pathlib import Path

from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.events.detector_events import ReadoutData, StartContinuousCapture
from exengine.notifications import DataStoredNotification
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff import recover
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

FRAMES = 20


def acquire(stored: Semaphore, paths: "Queue[Path]") -> None:
    """Acquire for ever, and tell of each frame that is in the file."""

    def tell(_notification: DataStoredNotification) -> None:
        storage.flush()  # small frames that come fast wait up to 0.25 s in memory
        stored.release()

    engine = ExecutionEngine()
    camera = SimulatedMicroscope((512, 512)).camera
    storage = TiffStorage("crash_and_recover.ome.tiff", numbered=True)
    paths.put(storage.path)
    handler = DataHandler(storage)
    engine.subscribe_to_notifications(tell, DataStoredNotification)
    engine.submit(StartContinuousCapture(camera))
    engine.submit(ReadoutData(({"time": time} for time in count()), camera, handler)).await_execution()


if __name__ == "__main__":
    context = get_context("spawn")
    stored, paths = context.Semaphore(0), context.Queue()
    acquisition = context.Process(target=acquire, args=(stored, paths))
    acquisition.start()
    path = paths.get()
    for _ in range(FRAMES):
        stored.acquire()
    acquisition.kill()  # as a power switch would: no `finish`, no `close`
    acquisition.join()

    recovered = recover(path)
    print(f"{recovered.n_frames} frames recovered, at least {FRAMES} were stored")
    with TiffStorage.open(path) as finished:
        print(finished.images[0].sizes)
