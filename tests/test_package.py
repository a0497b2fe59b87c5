"""The package: its names, the contents of its wheel, and the cost of importing it."""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

import exengine_ome_tiff

ROOT = Path(__file__).parents[1]
ALIAS = "exengine/storage_backends/ome_tiff.py"


def run(*command, **options):
    done = subprocess.run(
        [sys.executable, *command], capture_output=True, text=True, timeout=120, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_alias_is_the_same_class():
    from exengine.storage_backends.ome_tiff import TiffStorage

    assert TiffStorage is exengine_ome_tiff.TiffStorage


def test_the_storage_is_an_exengine_storage():
    from exengine.kernel.data_storage_base import DataStorage

    assert issubclass(exengine_ome_tiff.TiffStorage, DataStorage)


def test_public_names():
    assert {"NotFinishedError", "OmeTiffError", "TiffStorage", "__version__"} <= {*exengine_ome_tiff.__all__}
    for name in exengine_ome_tiff.__all__:
        assert hasattr(exengine_ome_tiff, name)
    assert issubclass(exengine_ome_tiff.NotFinishedError, exengine_ome_tiff.OmeTiffError)


def test_the_version_is_that_of_the_metadata():
    assert exengine_ome_tiff.__version__ == importlib.metadata.version("exengine-ome-tiff")
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", exengine_ome_tiff.__version__)


def test_the_package_is_marked_as_typed():
    assert (importlib.resources.files(exengine_ome_tiff) / "py.typed").is_file()


@pytest.mark.parametrize("module", ["exengine_ome_tiff", "exengine.storage_backends.ome_tiff"])
def test_importing_is_cheap(module):
    script = (
        f"import {module}, sys; print(*(m for m in ('ome_types', 'jpype', 'pytest') if m in sys.modules))"
    )
    assert run("-W", "error", "-c", script).split() == []


def test_tools_are_imported_on_first_use():
    script = (
        "import sys, exengine_ome_tiff as e; "
        "tools = {f'{e.__name__}.{name}' for name in ('adapters', 'conversion', 'inspection')}; "
        "assert not tools & {*sys.modules}; e.info, e.convert, e.TiffStorageHandler; "
        "assert tools < {*sys.modules}"
    )
    run("-W", "error", "-c", script)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = exengine_ome_tiff.nothing


def test_writing_before_finish_does_not_import_ome_types(tmp_path):
    script = (
        "import sys, numpy as np, exengine_ome_tiff as e; s = e.TiffStorage(sys.argv[1]); "
        "s.put({'time': 0}, np.zeros((2, 3), 'u2')); assert 'ome_types' not in sys.modules"
    )
    run("-W", "error", "-c", script, tmp_path / "run.ome.tiff")


# the wheel -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def names(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_the_wheel_contains_every_module(names):
    package = ROOT / "src" / "exengine_ome_tiff"
    sources = {f"exengine_ome_tiff/{file.relative_to(package).as_posix()}" for file in package.rglob("*.py")}
    assert sources <= {*names}
    assert "exengine_ome_tiff/py.typed" in names


def test_the_wheel_contains_the_alias_and_nothing_else_of_exengine(names):
    assert [name for name in names if name.startswith("exengine/")] == [ALIAS]


def test_the_wheel_contains_the_licence(wheel, names):
    (licence,) = (name for name in names if name.endswith("/LICENSE"))
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(licence) == (ROOT / "LICENSE").read_bytes()


def test_the_wheel_contains_only_the_package(names):
    tops = {name.split("/")[0] for name in names}
    version = exengine_ome_tiff.__version__
    assert tops == {"exengine", "exengine_ome_tiff", f"exengine_ome_tiff-{version}.dist-info"}
    assert [name for name in names if "test" in name.lower() or "conftest" in name] == []


def test_the_source_distribution_is_complete(source_distribution):
    with tarfile.open(source_distribution) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = ("src", "tests", "docs", "examples")
    files = {
        file.relative_to(ROOT).as_posix()
        for folder in sources
        for pattern in ("*.py", "*.md", "*.rst")
        for file in (ROOT / folder).rglob(pattern)
        if "_build" not in file.parts and "_generated" not in file.parts
    }
    assert files <= names
    assert {
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
    } <= names
    tops = {name.split("/")[0] for name in names if "/" in name}
    assert tops == {*sources}


def test_the_version_is_in_one_place():
    written = [
        file.relative_to(ROOT).as_posix()
        for file in [ROOT / "pyproject.toml", ROOT / "CITATION.cff", *(ROOT / "src").rglob("*.py")]
        if re.search(rf"version[\W_]+{re.escape(exengine_ome_tiff.__version__)}\b", file.read_text("utf-8"))
    ]
    assert written == ["src/exengine_ome_tiff/version.py"]


def test_each_python_of_the_classifiers_is_tested():
    claimed = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8")
    (tested,) = re.findall(r"python: \[(.*)\]", workflow)
    assert re.findall(r"[\d.]+", tested) == claimed


def test_the_metadata_of_the_wheel(wheel, names):
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        fields = message_from_bytes(archive.read(metadata))
    assert fields["Name"] == "exengine-ome-tiff"
    assert fields["Version"] == exengine_ome_tiff.__version__
    assert fields["License-Expression"] == "BSD-3-Clause"
    assert fields["Requires-Python"] == ">=3.11"
    required = {
        re.match(r"[\w-]+", text)[0] for text in fields.get_all("Requires-Dist") if "extra" not in text
    }
    assert required == {"exengine", "numpy", "ome-types", "tifffile", "tqdm"}


def test_the_command_is_installed():
    (command,) = importlib.metadata.entry_points(group="console_scripts", name="exengine-ome-tiff")
    assert callable(command.load())
