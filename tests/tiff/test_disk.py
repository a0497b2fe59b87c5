"""Answers of file systems that support less than usual."""

import errno
import os

import pytest

from exengine_ome_tiff.tiff import disk


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the call of POSIX")
@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOTTY])
def test_file_systems_that_cannot_reserve(tmp_path, monkeypatch, number):
    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    path = tmp_path / "a"
    path.write_bytes(b"1234567890")
    with path.open("r+b", buffering=0) as file:
        assert not disk.reserve(file, 10, 1000)
    assert path.read_bytes() == b"1234567890"
