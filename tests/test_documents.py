"""The documents are correct: every Python block, command and example runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
import textwrap
from itertools import zip_longest
from pathlib import Path

import numpy as np
import pytest

import foreign
import warm
from acquisitions import nested
from effort import is_thorough
from exengine_ome_tiff import TiffStorage, read_frame_metadata
from exengine_ome_tiff.cli import main
from exengine_ome_tiff.inspection.text_table import WIDTH
from exengine_ome_tiff.ome.colors import GREY, default_color
from readers.bioformats import BioFormats, unavailable_reason

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(path for path in (ROOT / "docs").rglob("*") if path.suffix in (".md", ".rst")),
]
# these need packages that pin old ones, or take long to import: tests/micromanager and .ci/run run them
ELSEWHERE = {"bioio_scenes.py", "micromanager_democamera.py", "pymmcore_plus_run.py"}
EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.name not in ELSEWHERE]
TIMEOUT_S = 120

COMMAND = "exengine-ome-tiff "
_SHELL = set("|<>&;$`")

_FENCE = re.compile(
    r"(?P<skip><!--\s*skip:[^>]*-->\s*\n)?"  # on the line before the block, empty lines do not matter
    r"^(?P<indent>[ ]*)```(?P<language>python|bash)[^\n]*\n(?P<code>.*?)^[ ]*```[ ]*$",
    re.MULTILINE | re.DOTALL,
)
_DIRECTIVE = re.compile(
    r"(?P<skip>^[ ]*\.\.[ ]+skip:[^\n]*\n\s*)?"
    r"^(?P<indent>[ ]*)\.\.[ ]+code-block::[ ]+(?P<language>python|bash)[ ]*\n"
    r"(?:(?P=indent)[ ]+:[^\n]*\n)*"  # options
    r"\n+(?P<code>(?:(?P=indent)[ ]+[^\n]*\n|[ ]*\n)+)",
    re.MULTILINE,
)


def blocks(text, pattern=_FENCE):
    """Return first line number and code of each block to run, with commands as Python."""
    found = []
    for match in pattern.finditer(text):
        if match["skip"] is None:
            line = text.count("\n", 0, match.start("code")) + 1
            code = textwrap.dedent(match["code"])
            if match["language"] == "bash":
                code = "".join(f"{as_python(row)}\n" for row in code.splitlines())
            if code.strip():
                found.append((line, code))
    return found


_ANY_FENCE = re.compile(r"^[ ]*```[^\n]*\n(?P<code>.*?)^[ ]*```[ ]*$", re.MULTILINE | re.DOTALL)
_TYPED = re.compile(
    r"^ *(?:\$ |.*&& |[\w.]+[\\/][\w\\/]+[\\/])?exengine-ome-tiff (?P<words>[^#|<>&;\n]+)", re.MULTILINE
)
"""A typed command: after a prompt, after another command, or in an environment's folder."""


def typed_commands(document):
    """Return the words of each command line in the blocks that do not run with the page."""
    script = script_of(document)
    rows = (match["code"] for match in _ANY_FENCE.finditer(document.read_text("utf-8")))
    lines = (shlex.split(match["words"]) for row in rows for match in _TYPED.finditer(row))
    return [words for words in lines if f"cli.main({words})" not in script]


def as_python(row):
    """Turn a shell line into Python that runs it in this process; skip other programs."""
    if not row.startswith(COMMAND) or _SHELL & set(row):
        return ""
    arguments = shlex.split(row, comments=True)[1:]
    return f"import exengine_ome_tiff.cli; assert exengine_ome_tiff.cli.main({arguments}) == 0"


def blocks_of(document):
    return blocks(document.read_text("utf-8"), _FENCE if document.suffix == ".md" else _DIRECTIVE)


def script_of(document):
    """Join the blocks of a document at their original lines, so that tracebacks are correct."""
    rows = []
    for line, code in blocks_of(document):
        rows += [""] * (line - 1 - len(rows)) + code.splitlines()
    return "\n".join(rows) + "\n"


WITH_BLOCKS = [path for path in DOCUMENTS if blocks_of(path)]


def name(path):
    return path.relative_to(ROOT).as_posix()


def run(script, folder):
    command = [sys.executable, "-W", "error", script]
    done = warm.run(command, cwd=folder, timeout_s=TIMEOUT_S, is_new=is_thorough())
    assert done.returncode == 0, done.stdout + done.stderr
    # on a busy machine, a worker of a cluster that is ending may log that it misses the scheduler
    is_of_cluster = "distributed.worker - ERROR - Failed to communicate with scheduler" in done.stderr
    assert "Traceback" not in done.stderr or is_of_cluster, done.stderr


def test_blocks_are_found():
    text = (
        "# Title\n```python\na = 1\n```\n```bash\nls\n```\n"
        "<!-- skip: needs a camera -->\n```python\nb = 2\n```\n"
        "<!-- skip: no -->\n\n```python\nb = 3\n```\n- item\n\n  ```python\n  if a:\n      c = 3\n  ```\n"
        "<!-- another comment -->\n```python\n\nd = 4\n```\n```pycon\n>>> e\n```\n"
    )
    assert blocks(text) == [(3, "a = 1\n"), (20, "if a:\n    c = 3\n"), (25, "\nd = 4\n")]


def test_blocks_of_restructured_text_are_found():
    text = (
        "Title\n=====\n\n.. code-block:: python\n\n    a = 1\n\n    if a:\n        b = 2\n\nText.\n\n"
        ".. skip: needs a camera\n\n.. code-block:: python\n\n    c = 3\n\n"
        "- item\n\n  .. code-block:: python\n     :caption: d.py\n\n     d = 4\n\n"
        ".. code-block:: toml\n\n    e = 5\n"
    )
    assert blocks(text, _DIRECTIVE) == [(6, "a = 1\n\nif a:\n    b = 2\n\n"), (24, "d = 4\n\n")]


def test_commands_are_found():
    text = "```bash\nls\nexengine-ome-tiff info a\nexengine-ome-tiff show a | less\n```\n```bash\nls\n```\n"
    assert blocks(text) == [
        (2, "\nimport exengine_ome_tiff.cli; assert exengine_ome_tiff.cli.main(['info', 'a']) == 0\n\n")
    ]


def test_the_readme_shows_python():
    assert blocks_of(ROOT / "README.md")


def test_the_readme_needs_three_lines_and_no_activated_environment():
    text = (ROOT / "README.md").read_text("utf-8")
    unix, windows = (
        re.search(rf"^```{shell}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1].splitlines()
        for shell in ("bash", "bat")
    )
    assert unix == [
        "python3 -m venv env",
        "env/bin/python -m pip install .",
        "env/bin/exengine-ome-tiff demo",
    ]
    assert windows == [
        line.replace("python3", "py").replace("/bin/", "/Scripts/").replace("/", "\\") for line in unix
    ]


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_to_files_have_targets(document):
    links = re.findall(r"\]\(([^)#:]+)(?:#([^)]*))?\)", (ROOT / document).read_text("utf-8"))
    assert [link for link, _ in links if not (ROOT / link).exists()] == []
    assert [(link, place) for link, place in links if place and place not in places_of(ROOT / link)] == []


def places_of(page):
    """Return the anchors of the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", WITH_BLOCKS, ids=name)
def test_the_python_blocks_of_a_document_run(document, tmp_path, bioformats_if_there):
    folder = tmp_path / "work"
    folder.mkdir()
    script = tmp_path / f"page_{document.stem}.py"  # which is no module that the page imports
    script.write_text(script_of(document), "utf-8")
    run(script, folder)
    bioformats_if_there(folder)


COMMANDS = sorted(
    {tuple(words) for path in DOCUMENTS for words in typed_commands(path) if words[0] not in ("show", "view")}
)
"""All commands except those that open a window, which tests/viewers cover."""
FOUND_FAULTS = ("killed.ome.tiff", "bioimage-archive")
"""Words of commands that report findings, and therefore exit with 1."""


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    """Make a dataset under each name that the pages use."""
    folder = tmp_path_factory.mktemp("material")
    with TiffStorage(folder / "run.ome.tiff") as storage:
        for place in nested(position=["Pos0", "Pos1"], time=range(5), channel=["DAPI", "GFP"], z=range(5)):
            storage.put(place, np.ones((32, 32), np.uint16), {"Exposure-ms": 10})
        storage.flush()
        shutil.copy(storage.path, folder / "killed.ome.tiff")
    (old,) = foreign.write_ome_tiff(folder / "old", {"a": np.ones((1, 1, 1, 8, 8), np.uint16)})
    old.rename(folder / "old.ome.tif")
    frames = [({"time": time}, np.ones((8, 8), np.uint16), {}) for time in range(2)]
    foreign.write_ndtiff(folder, "run", {}, frames)
    frames = [({"channel": 0, "z": 0, "time": 0, "position": 0}, np.ones((8, 8), np.uint16), {})]
    foreign.write_image_stack(folder / "demo_1" / "demo_1_MMStack.ome.tif", {}, frames)
    return folder


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_line_of_a_document_runs(words, material, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    command, *arguments = words
    given = next((material / word for word in arguments if (material / word).exists()), None)
    if command == "demo":
        arguments += ["--time-points", "1", "--z-slices", "1", "--size", "32"]
    elif given is not None:
        (shutil.copytree if given.is_dir() else shutil.copy)(given, given.name)
    try:
        status = main([command, *arguments])
    except SystemExit as ended:  # of argparse
        status = ended.code
    assert status == int(command == "validate" and any(word in FOUND_FAULTS for word in arguments)), (
        capsys.readouterr().err
    )


def test_the_first_change_that_contributing_suggests_is_still_to_make():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (fluorophore,) = re.findall(r'Add `\("(\w+)", ', text)
    assert default_color(fluorophore) == GREY


_SESSION = re.compile(r"^```text\n(\$ exengine-ome-tiff .*?)^```$", re.MULTILINE | re.DOTALL)
_DEPENDS_ON_THE_CLOCK = ("duration", "time interval", "storing took")


def sessions(document):
    """Return words and output of the commands of a page, without those that need other data or a window."""
    text = "\n".join(_SESSION.findall(document.read_text("utf-8")))
    for entry in text.split("$ exengine-ome-tiff ")[1:]:
        line, *output = entry.splitlines()
        words = shlex.split(line)
        if words[0] not in ("demo", "view", "preview", "convert") and "run.zarr" not in words:
            yield words, [row for row in output if not row.strip().startswith(_DEPENDS_ON_THE_CLOCK)]


def without_values(rows):
    """Replace numbers and folders, which differ from run to run; blanks do not matter."""
    plain = (re.sub(r"(?<![\w.])/\S*/|[\d.,:TZ+-]*\d[\d.,:TZ+-]*|\b[kM]B\b", "#", row) for row in rows)
    return [" ".join(row.replace("##", "#").split()) for row in plain]


def test_commands_print_what_the_pages_show(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    assert main(["demo", "run.ome.tiff", "--size", "32"]) == 0
    with TiffStorage("killed.ome.tiff") as storage:
        for time in range(8):
            storage.put({"time": time}, np.ones((8, 8), np.uint16))
        storage.flush()
        killed = storage.path.read_bytes()
    storage.path.write_bytes(killed)
    for page in ("reference/commands.md", "how_to/archive.md"):
        for words, shown in [*sessions(ROOT / "docs" / page)]:
            if "recover" not in words:
                storage.path.write_bytes(killed)
            capsys.readouterr()
            main(words)
            printed = without_values(capsys.readouterr().out.splitlines())
            assert [row for row in without_values(shown) if row and row not in printed] == [], words


def test_the_files_that_pages_name_exist():
    known = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    lost = []
    for page in (*DOCUMENTS, ROOT / "CHANGELOG.md"):
        text = page.read_text("utf-8")
        lost += [(name(page), file) for file in re.findall(r"\btest_\w+\.py", text) if file not in known]
        for file in re.findall(
            r"(?<![\w/.-])(?:(?:tests|docs|examples|src(?!/exengine/))/[\w./-]*\w|[a-z]+/[a-z_]+\.py)", text
        ):
            if not ((ROOT / file).exists() or (ROOT / "src" / "exengine_ome_tiff" / file).exists()):
                lost.append((name(page), file))
    assert lost == []


def test_no_example_replaces_data():
    replacing = [
        path.name for path in (ROOT / "examples").iterdir() if "overwrite=True" in path.read_text("utf-8")
    ]
    assert replacing == []
    assert [name(path) for path in WITH_BLOCKS if "overwrite=True" in script_of(path)] == []


@pytest.mark.parametrize("example", EXAMPLES, ids=name)
def test_an_example_runs_and_bioformats_opens_its_files(example, tmp_path, bioformats_if_there):
    run(example, tmp_path)
    assert ome_tiffs(tmp_path), "no OME-TIFF was written"
    bioformats_if_there(tmp_path)


def ome_tiffs(folder):
    return sorted(path for path in folder.rglob("*.ome.tif*") if path.is_file())


@pytest.fixture
def bioformats_if_there():
    """Return a check of all OME-TIFF files below a folder; without Java it does nothing."""
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


def test_the_keys_recommended_on_the_metadata_page_become_ome(tmp_path):
    page = (ROOT / "docs" / "explanation" / "metadata.md").read_text("utf-8")
    section = page.partition("## Which key do I write?")[2].partition("\n## ")[0]
    metadata = {}
    for keys, values in re.findall(r"^\| [^|`]+ \| (`[^|]+) \| ([^|]+) \| [^|]+ \|$", section, re.MULTILINE):
        known = [json.loads(value) for value in re.findall(r"`([^`]+)`", values)]
        metadata |= dict(zip_longest(re.findall(r"`([^`]+)`", keys), known, fillvalue=known[-1]))
    assert {"exposure_ms", "x_um", "y_um", "timestamp"} <= {*metadata}
    elapsed = {"elapsed_s": metadata.pop("elapsed_s")}
    for name, each in (("stamped", metadata), ("elapsed", elapsed)):
        with TiffStorage(tmp_path / f"{name}.ome.tiff", {"timestamp": metadata["timestamp"]}) as storage:
            storage.put({"time": 0}, np.ones((8, 8), np.uint16), each)
        found = read_frame_metadata(tmp_path / f"{name}.ome.tiff", {"time": 0})
        assert found.ome.keys == dict.fromkeys(each, ("ome",)), found.ome.keys


def test_the_search_finds_common_terms():
    titles = "\n".join(path.read_text("utf-8").partition("\n")[0].lower() for path in DOCUMENTS)
    words = (
        "recover",
        "plate",
        "pixel size",
        "positions",
        "fiji",
        "ndtiff",
        "two cameras",
        "mosaic",
        "windows",
    )
    assert [word for word in words if word not in titles] == []
