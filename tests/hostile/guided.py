"""Coverage-guided fuzzing of this package, started by hand; needs ``pip install atheris``.

``python tests/hostile/guided.py CORPUS_FOLDER -max_total_time=600``. What it finds is left in the working
directory as ``crash-...``; the same command with that file in place of the folder repeats it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["exengine_ome_tiff"]):
    import exengine_ome_tiff.ome.document  # noqa: F401 - imported late otherwise

import exercise
from mutations import make_seeds

_WORK = Path(tempfile.mkdtemp(prefix="guided-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))  # noqa: S108


def _one_input(data: bytes) -> None:
    exercise.exercise(_WORK / "files", {"run.ome.tiff": data}, is_folder=False, steps="orv")


def _fill(corpus: Path) -> None:
    """Put the seeds of the other test into an empty corpus."""
    corpus.mkdir(parents=True, exist_ok=True)
    if not any(corpus.iterdir()):
        for seed in make_seeds(_WORK / "seeds"):
            for name, content in seed.files.items():
                (corpus / f"{seed.name} {name}".replace(" ", "_")).write_bytes(content)


def _main() -> None:
    corpus = next((Path(word) for word in sys.argv[1:] if not word.startswith("-")), None)
    if corpus is not None and not corpus.is_file():
        _fill(corpus)
    exercise.quieten()
    limits = [f"-timeout={exercise.MOST_SECONDS}", "-rss_limit_mb=1500", "-max_len=20000"]
    atheris.Setup([sys.argv[0], *limits, *sys.argv[1:]], _one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    _main()
