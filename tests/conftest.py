"""Fixtures of all tests."""

from __future__ import annotations

import signal

import pytest

from readers.bioformats import BioFormats, describe, unavailable_reason

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
