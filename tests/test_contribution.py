"""The contribution to ExEngine, applied to its source distribution, tested there, and installed."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "exengine_contribution"
SDIST = "exengine==0.4.0"
TIMEOUT_S = 90
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
ALONE = ["--no-deps", "--no-build-isolation"]  # nothing but the source distribution is downloaded


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, **options)


def succeed(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def sdist(tmp_path_factory):
    """Return the folder of ExEngine's unpacked source distribution."""
    pytest.importorskip("flit_core", reason="flit_core reads ExEngine's source distribution")
    folder = tmp_path_factory.mktemp("exengine")
    try:
        done = run(*PIP, "download", "--no-binary", "exengine", *ALONE, "--dest", folder, SDIST)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{SDIST} cannot be downloaded: no answer after {TIMEOUT_S} s")
    if done.returncode:
        pytest.skip(f"{SDIST} cannot be downloaded: {done.stderr.strip().splitlines()[-1:]}")
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extraction_filter = getattr(tarfile, "data_filter", None)  # which Python 3.11.2 has not
        opened.extractall(folder)  # noqa: S202 - of what this very test downloads
    return folder / archive.name.removesuffix(".tar.gz")


@pytest.fixture
def unpacked(sdist, tmp_path):
    return Path(shutil.copytree(sdist, tmp_path / "exengine"))


@pytest.fixture(scope="module")
def applied(sdist, tmp_path_factory):
    """Return a copy of ExEngine with the backend in it."""
    folder = Path(shutil.copytree(sdist, tmp_path_factory.mktemp("applied") / "exengine"))
    succeed(sys.executable, FOLDER / "apply.py", folder)
    return folder


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("apply", FOLDER / "apply.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_contribution_follows_the_guide(sdist, applied):
    before, after = tree(sdist), tree(applied)
    backend = "src/exengine/storage_backends/ome_tiff"
    assert {*after} - {*before} == {
        f"{backend}/__init__.py",
        f"{backend}/ome_tiff_storage.py",
        f"{backend}/test/__init__.py",
        f"{backend}/test/test_ome_tiff_storage.py",
        "docs/usage/backends/ome_tiff_backend.rst",
    }
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"pyproject.toml", "docs/usage/backends.rst"}
    page = ROOT / "docs" / "usage" / "backends" / "ome_tiff_backend.rst"
    assert after["docs/usage/backends/ome_tiff_backend.rst"] == page.read_bytes()
    assert after["docs/usage/backends.rst"].endswith(b"   backends/ome_tiff_backend")


def test_the_extra_exists_and_is_part_of_all(applied):
    import tomllib

    project = tomllib.loads((applied / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    (requirement,) = extras["ome_tiff"]
    assert requirement.startswith("exengine-ome-tiff;")
    assert {*extras["ndstorage"], *extras["micromanager"], requirement} == {*extras["all"]}


def test_applying_it_twice_changes_nothing(applied, script):
    before = tree(applied)
    with pytest.raises(FileExistsError, match="ome_tiff is there already"):
        script.apply(applied)
    assert tree(applied) == before


@pytest.mark.parametrize("name", ["pyproject.toml", "docs/usage/backends.rst"])
def test_a_different_exengine_is_left_alone(unpacked, script, name):
    text = (unpacked / name).read_text("utf-8")
    (unpacked / name).write_text(text.replace("ndstorage", "other"), "utf-8")
    before = tree(unpacked)
    with pytest.raises(ValueError, match="expected once, found 0 times"):
        script.apply(unpacked)
    assert tree(unpacked) == before


def test_a_folder_without_exengine_is_left_alone(tmp_path, script):
    with pytest.raises(FileNotFoundError):
        script.apply(tmp_path)
    assert [*tmp_path.iterdir()] == []


def test_exengines_storage_tests_pass(applied):
    """Its conftest imports mmpycorex, which storage tests do not need."""
    folder = applied / "src" / "exengine" / "storage_backends"
    environment = {**os.environ, "PYTHONPATH": str(applied / "src")}
    environment.pop("PYTEST_ADDOPTS", None)  # options of this suite, which ExEngine's does not know
    told = succeed(
        *(sys.executable, "-m", "pytest", "--noconftest", "-p", "no:cacheprovider", "-rs", folder),
        cwd=applied,
        env=environment,
    )
    assert "test_ome_tiff_storage.py" in told
    assert "test_ndtiff_and_ram.py" in told
    assert "skipped" not in told, told


@pytest.fixture(scope="module")
def exengine_wheel(applied, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    succeed(*PIP, "wheel", "--no-index", *ALONE, "--wheel-dir", folder, applied)
    (path,) = folder.iterdir()
    return path


@pytest.mark.parametrize("ours_first", [True, False])
def test_exengine_with_the_backend_and_our_wheel_coexist(exengine_wheel, wheel, tmp_path, ours_first):
    """The wheel contains a module with the same name as ExEngine's package."""
    venv.create(tmp_path / "venv", symlinks=os.name != "nt")
    scheme = sysconfig.get_paths("venv", {"base": str(tmp_path / "venv")})
    python = Path(scheme["scripts"]) / Path(sys.executable).name
    (Path(scheme["purelib"]) / "dependencies.pth").write_text(sysconfig.get_path("purelib"), "utf-8")
    for one in (wheel, exengine_wheel) if ours_first else (exengine_wheel, wheel):
        succeed(*PIP, "--python", python, "install", "--no-index", "--no-deps", "--ignore-installed", one)
    show = (
        "import exengine.storage_backends.ome_tiff as backend, exengine_ome_tiff; "
        "print(backend.__file__); assert backend.TiffStorage is exengine_ome_tiff.TiffStorage; "
        "print(exengine_ome_tiff.__file__)"
    )
    backend, ours = succeed(python, "-c", show, cwd=tmp_path).split()
    purelib = Path(scheme["purelib"])
    assert Path(backend) == purelib / "exengine" / "storage_backends" / "ome_tiff" / "__init__.py"
    assert Path(ours) == purelib / "exengine_ome_tiff" / "__init__.py"
    assert (purelib / "exengine" / "storage_backends" / "ome_tiff.py").is_file()
