"""Record a multi-well plate: positions named after wells become an OME plate, with one file per position."""

from itertools import product

from exengine.events.detector_events import ReadoutData, StartCapture
from exengine.events.positioner_events import SetPosition2DEvent

from exengine_ome_tiff import PlateInfo, TiffStorage, acquisition
from exengine_ome_tiff.demo.microscope import SimulatedMicroscope

ROWS, COLUMNS, SITES = "AB", (1, 2, 3), 2
WELL_DISTANCE_UM = 9000
SITE_DISTANCE_UM = 300
CHANNELS = ("DAPI", "GFP")

plate = PlateInfo(name="Assay 1", rows=8, columns=12)
storage = TiffStorage("well_plate", numbered=True, plate=plate)  # no suffix: a folder

with acquisition(storage) as (engine, handler):
    microscope = SimulatedMicroscope((128, 128))  # put your own devices here
    for row, column, site in product(ROWS, COLUMNS, range(SITES)):
        x_um = (column - 1) * WELL_DISTANCE_UM + site * SITE_DISTANCE_UM
        y_um = ROWS.index(row) * WELL_DISTANCE_UM
        engine.submit(SetPosition2DEvent(microscope.xy_stage, (x_um, y_um)))
        for channel in CHANNELS:
            engine.submit(microscope.channel_event(channel))
            engine.submit(StartCapture(1, microscope.camera)).await_execution()
            place = {"position": f"{row}{column}-Site_{site}", "channel": channel}
            engine.submit(ReadoutData([place], microscope.camera, handler, num_blocks=1)).await_execution()

print(f"Open {next(storage.path.glob('*.companion.ome'))} in Fiji to see all wells.")
