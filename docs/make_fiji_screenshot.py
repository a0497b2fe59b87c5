"""Make the picture of ImageJ for the documentation: a demo dataset, opened by `examples/open_in_fiji.ijm`.

Needs ImageJ, Xvfb and a window manager: ``apt-get install imagej xvfb openbox``.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageDraw, ImageGrab

from exengine_ome_tiff import TiffStorage
from exengine_ome_tiff.demo.acquisition import DemoPlan, run

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from readers.imagej import MACRO, running

PICTURE = Path(__file__).parent / "images" / "fiji.png"
SIZE = (934, 688)
BACKGROUND = (221, 221, 221)
TIMEOUT_S = 60

# Opens the dataset, then arranges ImageJ's windows side by side.
ARRANGE = """
jobs = split(getArgument(), "\\t");
runMacro(jobs[0], jobs[1]);
run("Channels Tool...");
wait(2000); // the window manager puts new windows where it likes, some time after they have come up
for (i = 1; i <= 2; i++) {
    selectImage(i);
    setLocation(4 + (i - 1) * 464, 190);
}
selectWindow("Channels");
setLocation(4, 4);
selectImage(1);
File.saveString("done", jobs[2]);
"""


def main() -> None:
    """Acquire, open, arrange, and take the picture."""
    plan = DemoPlan(channels=("DAPI", "GFP", "mCherry"), time_points=4, z_slices=5, size=(380, 448))
    manager = shutil.which("openbox")
    if manager is None:
        sys.exit("openbox is not installed")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dataset, done, macro = folder / "demo.ome.tiff", folder / "arranged.txt", folder / "arrange.ijm"
        with TiffStorage(dataset, time_interval_s=plan.interval_s) as storage:
            run(plan, storage)
        macro.write_text(ARRANGE, "utf-8")
        arguments = "\t".join(map(str, (MACRO, dataset, done)))
        width, height = SIZE
        with (
            running([str(macro), arguments], folder, f"{width}x{height}") as display,
            subprocess.Popen([manager], env={"DISPLAY": display, "HOME": name}) as frames,  # noqa: S603
        ):
            try:
                picture = _picture_after(done, display)
            finally:
                frames.terminate()
    ImageDraw.floodfill(picture, (0, 0), BACKGROUND)  # it is black, and so is the sample
    picture.quantize(256).save(PICTURE, optimize=True)


def _picture_after(done: Path, display: str) -> Image.Image:
    until = time.monotonic() + TIMEOUT_S
    while not done.exists() and time.monotonic() < until:
        time.sleep(0.2)
    time.sleep(2)  # until everything is drawn
    picture = ImageGrab.grab(xdisplay=display)
    if not done.exists():
        picture.save("fiji_failed.png")
        raise TimeoutError("ImageJ is not ready; fiji_failed.png shows what it waits for")
    return picture


if __name__ == "__main__":
    main()
