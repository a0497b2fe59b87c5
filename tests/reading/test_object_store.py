"""Pages of an OME-TIFF in an object store, read as the how-to page on OME-Zarr shows."""

import http.server
import re
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tifffile

from effort import is_thorough
from exengine_ome_tiff import TiffStorage

da = pytest.importorskip("dask.array", reason="dask comes with the extra `test`")
fsspec = pytest.importorskip("fsspec", reason="fsspec comes with the extra `test`")
zarr = pytest.importorskip("zarr", minversion="3", reason="zarr comes with the extra `test`")
pytest.importorskip("aiohttp", reason="aiohttp comes with the extra `test`")

POSITIONS = "A", "B"


class Ranges(http.server.SimpleHTTPRequestHandler):
    """Answers byte-range requests, as object stores do."""

    def do_GET(self):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        data = Path(self.translate_path(self.path)).read_bytes()
        first, last = map(int, wanted.groups()) if wanted else (0, len(data) - 1)
        body = data[first : last + 1]
        self.server.nbytes += len(body)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Range", f"bytes {first}-{first + len(body) - 1}/{len(data)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        """Log nothing."""


@pytest.fixture
def store(tmp_path):
    """Serve a folder; return the server, which counts the bytes sent."""
    handler = partial(Ranges, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.nbytes = 0
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_tifffile_references_point_to_the_pages(tmp_path, store):
    expected = np.random.default_rng(0).integers(0, 60_000, (2, 3, 2, 64, 48)).astype(np.uint16)
    with TiffStorage(tmp_path / "run.ome.tiff", fsync=False) as storage:
        for place in np.ndindex(expected.shape[:3]):
            position, time, channel = place
            coordinates = {"position": POSITIONS[position], "time": time, "channel": ("DAPI", "GFP")[channel]}
            storage.put(coordinates, expected[place])
    for series in range(2):
        url = f"http://127.0.0.1:{store.server_port}"
        with tifffile.TiffFile(tmp_path / "run.ome.tiff") as tiff:
            axes = tiff.series[series].axes
            tiff.aszarr(series=series).write_fsspec(tmp_path / "run.json", url, version=1)
        pages = fsspec.filesystem(
            "reference",
            fo=str(tmp_path / "run.json"),
            asynchronous=True,
            remote_protocol="http",
            remote_options={"asynchronous": True},
        )
        image = da.from_zarr(zarr.open(zarr.storage.FsspecStore(pages, read_only=True), mode="r"))
        assert axes == "TCYX"
        before = store.nbytes
        assert (image[1].compute() == expected[series, 1]).all()
        assert store.nbytes - before == 2 * 64 * 48 * 2  # no byte of other pages
        assert (image.mean(axis=(2, 3)).compute() == expected[series].mean(axis=(2, 3))).all()
    if is_thorough():
        distributed = pytest.importorskip("distributed")
        with distributed.Client(n_workers=2, threads_per_worker=1, dashboard_address=None):
            assert (image.max(axis=0).compute() == expected[1].max(axis=0)).all()
