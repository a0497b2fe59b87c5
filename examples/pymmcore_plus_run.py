"""Record a pymmcore-plus plan with Micro-Manager's DemoCamera and `TiffStorageHandler`.

Needs the extras `pymmcore-plus` and `micromanager`. For your own microscope, leave out the search
path and load your configuration file.
"""

import mm_test_adapters
from pymmcore_plus import CMMCorePlus
from useq import MDASequence, Position

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.adapters.pymmcore_plus_handler import TiffStorageHandler

core = CMMCorePlus()
core.setDeviceAdapterSearchPaths([str(mm_test_adapters.device_adapter_path())])
core.loadSystemConfiguration("MMConfig_demo.cfg")

sequence = MDASequence(
    channels=["DAPI", "FITC"],
    stage_positions=[Position(x=0, y=0, name="left"), Position(x=500, y=0, name="right")],
    time_plan={"interval": 0.1, "loops": 3},
    z_plan={"range": 4, "step": 1},
)

with TiffStorageHandler("pymmcore_plus_run.ome.tiff", numbered=True) as handler:
    core.mda.run(sequence, output=handler)
    storage = handler.storage
if storage is None:
    raise SystemExit("the run did not start")

with TiffStorage.open(storage.path) as run:
    names = [image.name for image in run.images]
    print(f"{run.path}: positions {' and '.join(names)}, {run.images[0].sizes}")
