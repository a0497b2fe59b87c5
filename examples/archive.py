"""Record a dataset for an archive: lossless compression, a checksum for each frame, and a check at the end.

Needs the extra `validate`. The same check as a command: exengine-ome-tiff validate archive_001.ome.tiff
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from exengine.events.detector_events import ReadoutData, StartCapture

from exengine_ome_tiff import ExperimenterInfo, TiffStorage, acquisition, validate
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

FRAMES = 5

storage = TiffStorage(
    "archive.ome.tiff",
    numbered=True,
    compression="zlib",
    predictor=True,
    checksums="sha256",
    description="HeLa cells, nuclei",
    experimenter=ExperimenterInfo(first_name="Ada", last_name="Lovelace", institution="Somewhere"),
)

with acquisition(storage) as (engine, handler):
    camera = SimulatedMicroscope((256, 256)).camera  # put your own camera here
    engine.submit(StartCapture(FRAMES, camera)).await_execution()
    places = [{"time": time} for time in range(FRAMES)]
    engine.submit(ReadoutData(places, camera, handler, num_blocks=FRAMES)).await_execution()

problems = validate(storage.path)
if problems:
    raise SystemExit(f"{storage.path} is not fit for the archive: {problems}")
print(f"{storage.path}: {FRAMES} frames, compressed, no problems found")

with TemporaryDirectory() as folder:  # flip one bit of a copy, as years on a disk may do
    copy = Path(folder, storage.path.name)
    damaged = bytearray(storage.path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    copy.write_bytes(damaged)
    for problem in validate(copy):
        print(f"damaged copy, page {problem.page}: {problem.what}")
