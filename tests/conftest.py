"""Fixtures of all tests."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import covering
from building import ROOT, build
from disks import memory_folder
from effort import VARIABLE, is_thorough
from readers.bioformats import BioFormats, UnavailableError, describe, unavailable_reason
from remembering import keep_what_is_there, remember_models
from wine import start_processes_reliably

if TYPE_CHECKING:
    from collections.abc import Iterator

PEERS_FAIL = "known failures of peers"
TOO_LATE = "did not begin within"
BEGIN_S = time.monotonic()
MEMORY = Path("/dev/shm")  # noqa: S108 - each run has a folder of its own
"""Linux's RAM disk, where there is one."""
MOST_NBYTES = 8 << 30
TEMPORARY = "PYTEST_DEBUG_TEMPROOT"
"""The variable that tells pytest where to make temporary folders."""

# a shell ignores it for what it runs in the background, and commands that are started here would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

# no deadline, as the other process may need the time; the same examples each time, others with HUNT=1
settings.register_profile("company", deadline=None, derandomize="HUNT" not in os.environ)
settings.load_profile("company")

remember_models()
start_processes_reliably()


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="hunt for hours' worth of chance: all kills, full disks, damaged files and combinations",
    )
    parser.addoption(
        "--only-bioformats",
        action="store_true",
        help="run only tests that open files with Bio-Formats, such as for another version of it",
    )
    parser.addoption(
        "--begin-within",
        metavar="SECONDS",
        type=float,
        default=float("inf"),
        help="skip the tests that have not begun so many seconds after the start, and count them",
    )


def pytest_configure(config):
    config.addinivalue_line("markers", "thorough: takes long; runs with --thorough only")
    if config.option.thorough:
        os.environ[VARIABLE] = "1"


def pytest_xdist_auto_num_workers(config) -> int:
    """Run all tests in two processes, and a single file, which takes seconds, in this one.

    Of three processes, one may wait for a killed process or a timer, of which ``--thorough`` has thousands.
    """
    arguments = [Path(each.partition("::")[0]) for each in config.args]
    if len(arguments) == 1 and arguments[0].is_file():
        return 0
    return 3 if config.option.thorough else 2


def pytest_collection_finish():
    keep_what_is_there()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(config):
    """Spare the disk and the compiler: files of tests stay in memory, what is compiled is kept.

    Each of a hundred processes would compile the package again.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if not is_thorough() and TEMPORARY not in os.environ and _has_room(MEMORY):
        os.environ[TEMPORARY] = folder = tempfile.mkdtemp(prefix="pytest-", dir=MEMORY)
        config.add_cleanup(partial(shutil.rmtree, folder, ignore_errors=True))


def _has_room(memory) -> bool:
    """Whether there is a RAM disk that programs can be run from, and memory, for twice what tests write."""
    if not memory.is_dir() or not os.access(memory, os.W_OK) or os.statvfs(memory).f_flag & os.ST_NOEXEC:
        return False
    (available_kb,) = re.findall(
        r"^MemAvailable: +(\d+)", Path("/proc/meminfo").read_text("utf-8"), re.MULTILINE
    )
    return min(int(available_kb) << 10, shutil.disk_usage(memory).free) > MOST_NBYTES


def pytest_collection_modifyitems(config, items):
    chosen = [item for item in items if is_thorough() or item.get_closest_marker("thorough") is None]
    if covering.is_wanted(config):
        unneeded = covering.left_out(chosen)
        chosen = [item for item in chosen if item not in unneeded]
    if config.option.only_bioformats:
        chosen = [item for item in chosen if "bioformats" in item.fixturenames]
    if len(chosen) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
        items[:] = chosen
    _begin_with_long_ones(config, items)


def _begin_with_long_ones(config, items):
    """Run tests first that may take longer than others, so that all processes end at one time."""
    usual_s = float(config.getini("timeout"))

    def most_s(item) -> float:
        mark = item.get_closest_marker("timeout")
        return usual_s if mark is None else max(usual_s, mark.args[0])

    items.sort(key=most_s, reverse=True)


def pytest_report_teststatus(report):
    """Count the tests that peers are known to fail without a row of x, which looks like breakage."""
    if hasattr(report, "wasxfail") and report.skipped:
        return PEERS_FAIL, ".", "KNOWN OF A PEER"
    return None


def pytest_terminal_summary(terminalreporter, config):
    skipped = terminalreporter.getreports("skipped")
    late = Counter(report.fspath for report in skipped if TOO_LATE in str(report.longrepr))
    for file, count in late.items():
        what = f"{count} tests of {file} {TOO_LATE} {config.option.begin_within:g} s"
        terminalreporter.write_line(f"skipped, as this machine is too slow: {what}")
    peers = Counter(report.wasxfail.split()[0] for report in terminalreporter.getreports(PEERS_FAIL))
    for peer, count in sorted(peers.items()):
        terminalreporter.write_line(
            f"{peer} is known to fail {count} of the tests that it shares with TiffStorage: "
            "tests/conformance/test_conformance.py has the reasons"
        )


def pytest_report_header() -> list[str]:
    hunt = "everything" if is_thorough() else "a short part of what takes long; --thorough runs everything"
    return [f"Bio-Formats: {describe()}", f"tests: {hunt}"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item):
    """Skip a test that is late, or whose fixture opens a file with Bio-Formats where it is not installed."""
    within_s = item.config.option.begin_within
    if time.monotonic() - BEGIN_S > within_s:
        pytest.skip(f"{TOO_LATE} {within_s:g} s")
    return (yield from _skipped_without_bioformats())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    """Skip a test that opens a file with Bio-Formats where it is not installed."""
    return (yield from _skipped_without_bioformats())


def _skipped_without_bioformats():
    try:
        return (yield)
    except UnavailableError as error:
        if find_spec("jpype") is not None:  # what came with it is broken
            raise
        pytest.skip(str(error))


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


@pytest.fixture
def memory_path(tmp_path) -> Iterator[Path]:
    """Give a folder in memory, where `fsync` takes no time, or the usual one where there is none."""
    folder = memory_folder()
    if folder is None:
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=folder) as path:
        yield Path(path)


@pytest.fixture
def threads_without_exengine(monkeypatch):
    """Start threads as Python does, where another test has imported ExEngine's devices."""
    devices = sys.modules.get("exengine.kernel.device")
    if devices is not None:
        monkeypatch.setattr(threading.Thread, "start", devices._original_thread_start)
