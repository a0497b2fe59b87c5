"""Cluster workers read pages themselves, from more data than their memory holds."""

import dask
import numpy as np
import pytest

from exengine_ome_tiff import TiffStorage

distributed = pytest.importorskip("distributed", reason="distributed comes with the extra `test`")

FRAMES, SIDE_PX = 360, 1024
LIMIT_BYTES = 300 << 20
"""Memory of a worker; its imports take about half of it."""


@pytest.fixture(scope="module")
def cluster():
    with (
        dask.config.set({"distributed.worker.memory.spill": False, "distributed.worker.memory.pause": 0.9}),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            memory_limit=LIMIT_BYTES,
            dashboard_address=None,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def levels(number):
    """Return a row of pixels for a frame number."""
    return np.random.default_rng(number).integers(0, 60_000, SIDE_PX, np.uint16)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("stage", ["writing", "finished"])
def test_a_maximum_projection_larger_than_memory(tmp_path, cluster, stage):
    frames = FRAMES if stage == "finished" else 20
    expected = np.zeros((2, SIDE_PX), np.uint16)
    storage = TiffStorage(tmp_path / "a run.ome.tiff", fsync=False)
    for number in range(frames):
        row = levels(number)
        storage.put({"time": number // 2, "z": number % 2}, np.tile(row, (SIDE_PX, 1)))
        expected[number % 2] = np.maximum(expected[number % 2], row)
    if stage == "finished":
        storage.finish()
        assert (tmp_path / "a run.ome.tiff").stat().st_size > 2 * LIMIT_BYTES
    workers = {*cluster.scheduler_info()["workers"]}
    projection = storage.as_array().max(axis=0)
    labelled = storage.as_xarray().isel(y=0).max("time")
    got = cluster.compute(projection).result()
    assert (got == expected[:, np.newaxis]).all()
    assert got.shape == (2, SIDE_PX, SIDE_PX)
    if stage == "writing":
        assert (cluster.compute(labelled).result().values == expected).all()
    storage.close()
    assert {*cluster.scheduler_info()["workers"]} == workers, "a worker was killed for its memory"
