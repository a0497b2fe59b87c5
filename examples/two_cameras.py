"""Two cameras at the same time, read out by two threads into one file: an image for each camera.

Where each camera sees one colour of the same field, say `"channel": name` in place of `"camera": name`: they
are two channels of one image then. One of them it must be: frames at equal coordinates replace each other.
"""

from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff.demo.microscope import SimulatedCamera, Stand
from exengine_ome_tiff.demo.scene import Scene

FRAMES = 10

engine = ExecutionEngine()
scene = Scene()
cameras = {  # put your own cameras here; they may differ in size and pixel type
    "left": SimulatedCamera("left", scene, Stand(channel="GFP"), (128, 128)),
    "right": SimulatedCamera("right", scene, Stand(channel="mCherry"), (128, 192)),
}
storage = TiffStorage("two_cameras.ome.tiff", numbered=True)
handler = DataHandler(storage)

try:
    readouts = []
    for name, camera in cameras.items():
        places = [{"camera": name, "time": time} for time in range(FRAMES)]
        engine.submit(StartCapture(FRAMES, camera), thread_name=name).await_execution()
        readout = ReadoutData(places, camera, handler, num_blocks=FRAMES)
        readouts.append(engine.submit(readout, thread_name=name))
    for readout in readouts:
        readout.await_execution()
    engine.check_exceptions()
finally:
    handler.finish()
    handler.await_completion()
    engine.shutdown()
    storage.close()

with TiffStorage.open(storage.path) as finished:
    for image in finished.images:
        print(image.name, image.coordinates, image.sizes)
