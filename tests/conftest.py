"""Fixtures of all tests."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from building import ROOT, build
from readers.bioformats import BioFormats, describe, unavailable_reason

if TYPE_CHECKING:
    from pathlib import Path

# a shell ignores it for what it runs in the background, and commands that are started here would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"Bio-Formats: {describe()}"


@pytest.fixture(scope="session")
def bioformats() -> type[BioFormats]:
    """Give the class that opens files with Bio-Formats; skip the test where there is no Java or no jar."""
    reason = unavailable_reason()
    if reason is not None:
        pytest.skip(reason)
    return BioFormats


@pytest.fixture(scope="session")
def wheel(tmp_path_factory) -> Path:
    """Build this package's wheel."""
    return _built("wheel", tmp_path_factory)


@pytest.fixture(scope="session")
def source_distribution(tmp_path_factory) -> Path:
    """Build this package's source distribution."""
    return _built("sdist", tmp_path_factory)


def _built(target, tmp_path_factory):
    pytest.importorskip("hatchling", reason="hatchling builds the package")
    if not (ROOT / "pyproject.toml").is_file():
        pytest.skip("the sources are not here")
    return build(target, tmp_path_factory.mktemp(target))
