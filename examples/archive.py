"""A dataset for an archive: compressed without loss, a checksum for each frame, and checked at once.

Needs the extra `validate`. The same check as a command: exengine-ome-tiff validate archive_001.ome.tiff
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from exengine import ExecutionEngine
from exengine.data import DataHandler
from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.storage_backends.ome_tiff import TiffStorage

from exengine_ome_tiff import ExperimenterInfo, validate
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

FRAMES = 5

engine = ExecutionEngine()
camera = SimulatedMicroscope((256, 256)).camera  # put your own camera here
storage = TiffStorage(
    "archive.ome.tiff",
    numbered=True,
    compression="zlib",
    predictor=True,
    checksums="sha256",
    description="HeLa cells, nuclei",
    experimenter=ExperimenterInfo(first_name="Ada", last_name="Lovelace", institution="Somewhere"),
)
handler = DataHandler(storage)
try:
    engine.submit(StartCapture(FRAMES, camera)).await_execution()
    places = [{"time": time} for time in range(FRAMES)]
    engine.submit(ReadoutData(places, camera, handler, num_blocks=FRAMES)).await_execution()
    engine.check_exceptions()
finally:
    handler.finish()
    handler.await_completion()
    engine.shutdown()
    storage.close()

problems = validate(storage.path)
print(f"{storage.path}: {len(problems)} problems")
if problems:
    raise SystemExit(f"not for the archive: {problems}")

with TemporaryDirectory() as folder:  # what years on a disk may do: one bit of a copy changes
    copy = Path(folder, storage.path.name)
    damaged = bytearray(storage.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    copy.write_bytes(damaged)
    for problem in validate(copy):
        print(f"damaged copy, page {problem.page}: {problem.what}")
