"""Record with two cameras at the same time: two threads write one file with an image for each camera.

If each camera sees one colour of the same field, use `"channel": name` instead of `"camera": name`.
The cameras then become two channels of one image. Without either, frames at the same coordinates overwrite
each other.
"""

from exengine.events.detector_events import ReadoutData, StartCapture

from exengine_ome_tiff import TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedCamera, Stand
from exengine_ome_tiff.demo.scene import Scene

FRAMES = 10

storage = TiffStorage("two_cameras.ome.tiff", numbered=True)

with acquisition(storage) as (engine, handler):
    scene = Scene()
    cameras = {  # put your own cameras here; they may differ in size and pixel type
        "left": SimulatedCamera("left", scene, Stand(channel="GFP"), (128, 128)),
        "right": SimulatedCamera("right", scene, Stand(channel="mCherry"), (128, 192)),
    }
    readouts = []
    for name, camera in cameras.items():
        places = [{"camera": name, "time": time} for time in range(FRAMES)]
        engine.submit(StartCapture(FRAMES, camera), thread_name=name).await_execution()
        readout = ReadoutData(places, camera, handler, num_blocks=FRAMES)
        readouts.append(engine.submit(readout, thread_name=name))
    for readout in readouts:
        readout.await_execution()

with TiffStorage.open(storage.path) as finished:
    for image in finished.images:
        print(f"{storage.path.name}, {image.name}: {image.sizes}")
