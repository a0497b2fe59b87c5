"""Add the OME-TIFF backend to a checkout of ExEngine, as its guide "Adding New Storage Backends" asks for.

    python docs/exengine_contribution/apply.py PATH_OF_EXENGINE

Every change is made, or none: what is there already, or looks different from what is expected, is an error.
"""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE / "ome_tiff"
PAGE = HERE.parent / "usage" / "backends" / "ome_tiff_backend.rst"

REQUIREMENT = "exengine-ome-tiff; python_version >= '3.11'"
EDITS = {  # file: (text that is there once, what takes its place)
    "pyproject.toml": (
        (
            'all = [\n    "mmpycorex",\n    "ndstorage"\n',
            f'all = [\n    "mmpycorex",\n    "ndstorage",\n    "{REQUIREMENT}"\n',
        ),
        ('ndstorage = ["ndstorage"]\n', f'ndstorage = ["ndstorage"]\nome_tiff = ["{REQUIREMENT}"]\n'),
    ),
    "docs/usage/backends.rst": (
        ("   backends/ndstorage_backend", "   backends/ndstorage_backend\n   backends/ome_tiff_backend"),
    ),
}


def apply(exengine: Path) -> list[Path]:
    """Add the backend, its tests, its extra and its page.

    Parameters
    ----------
    exengine
        The folder with ExEngine's ``pyproject.toml``.

    Returns
    -------
    list of Path
        What was added or changed, relative to `exengine`.

    Raises
    ------
    FileExistsError
        The backend is there already.
    FileNotFoundError
        This is no checkout of ExEngine.
    ValueError
        A file does not have what is to be replaced.
    """
    package = Path("src/exengine/storage_backends/ome_tiff")
    page = Path("docs/usage/backends") / PAGE.name
    for added in (package, page):
        if (exengine / added).exists():
            raise FileExistsError(f"{exengine / added} is there already")
    edited = {Path(name): _edited(exengine / name, edits) for name, edits in EDITS.items()}
    shutil.copytree(PACKAGE, exengine / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(PAGE, exengine / page)
    for name, text in edited.items():
        (exengine / name).write_text(text, "utf-8", newline="\n")
    return [package, page, *edited]


def _edited(file: Path, edits: tuple[tuple[str, str], ...]) -> str:
    """Return the text of a file after all edits."""
    text = file.read_text("utf-8")
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"{file}: expected once, found {text.count(old)} times: {old!r}")
        text = text.replace(old, new)
    return text


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    for changed in apply(Path(sys.argv[1])):
        print(changed.as_posix())
