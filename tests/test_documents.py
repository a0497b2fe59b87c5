"""What the documents show works: every Python block and every example is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from readers.bioformats import BioFormats, unavailable_reason

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
ELSEWHERE = {"micromanager_democamera.py"}  # needs packages that pin old ones: tests/micromanager runs it
EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.name not in ELSEWHERE]
TIMEOUT_S = 120

_FENCE = re.compile(
    r"(?P<skip><!--\s*skip:[^>]*-->\s*\n)?"  # on the line before the block, empty lines do not matter
    r"^(?P<indent>[ ]*)```python[^\n]*\n(?P<code>.*?)^[ ]*```[ ]*$",
    re.MULTILINE | re.DOTALL,
)


def blocks(text):
    """Return first line number and code of each Python block that is to be run."""
    found = []
    for match in _FENCE.finditer(text):
        if match["skip"] is None:
            line = text.count("\n", 0, match.start("code")) + 1
            indent = len(match["indent"])
            found.append((line, "".join(row[indent:] for row in match["code"].splitlines(keepends=True))))
    return found


def script_of(document):
    """Join the blocks of a document, each on the line that it has there, so that a traceback tells it."""
    rows = []
    for line, code in blocks(document.read_text("utf-8")):
        rows += [""] * (line - 1 - len(rows)) + code.splitlines()
    return "\n".join(rows) + "\n"


WITH_BLOCKS = [path for path in DOCUMENTS if path.is_file() and blocks(path.read_text("utf-8"))]


def name(path):
    return path.relative_to(ROOT).as_posix()


def run(script, folder):
    done = subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_blocks_are_found():
    text = (
        "# Title\n```python\na = 1\n```\n```bash\nls\n```\n"
        "<!-- skip: needs a camera -->\n```python\nb = 2\n```\n"
        "<!-- skip: no -->\n\n```python\nb = 3\n```\n- item\n\n  ```python\n  if a:\n      c = 3\n  ```\n"
        "<!-- another comment -->\n```python\n\nd = 4\n```\n```pycon\n>>> e\n```\n"
    )
    assert blocks(text) == [(3, "a = 1\n"), (20, "if a:\n    c = 3\n"), (25, "\nd = 4\n")]


def test_the_readme_shows_python():
    assert blocks((ROOT / "README.md").read_text("utf-8"))


@pytest.mark.parametrize("document", WITH_BLOCKS, ids=name)
def test_the_python_of_a_document_runs(document, tmp_path, bioformats_if_there):
    folder = tmp_path / "work"
    folder.mkdir()
    script = tmp_path / f"{document.stem}.py"
    script.write_text(script_of(document), "utf-8")
    run(script, folder)
    bioformats_if_there(folder)


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_runs_and_leaves_what_bioformats_opens(example, tmp_path, bioformats_if_there):
    run(example, tmp_path)
    assert ome_tiffs(tmp_path), "no OME-TIFF was written"
    bioformats_if_there(tmp_path)


def ome_tiffs(folder):
    return sorted(path for path in folder.rglob("*.ome.tif*") if path.is_file())


@pytest.fixture
def bioformats_if_there():
    """Return a check of all OME-TIFF files below a folder; it does nothing where there is no Java."""
    if unavailable_reason() is not None:
        return lambda _folder: None

    def check(folder):
        for path in [*ome_tiffs(folder), *sorted(folder.rglob("*.companion.ome"))]:
            with BioFormats(path) as opened:
                assert opened.format == "OME-TIFF"
                for number, series in enumerate(opened.series):
                    for index in {0, series.image_count // 2, series.image_count - 1}:
                        opened.plane_index(number, index)
                assert opened.warnings == []

    return check
