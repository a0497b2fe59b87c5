"""Measuring things in turn, and tables of what came out."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Table(NamedTuple):
    """A table of text in Markdown."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __str__(self) -> str:
        lines = [self.columns, ["---", *["---:"] * (len(self.columns) - 1)], *self.rows]
        widths = [max(len(row[at]) for row in lines) for at in range(len(self.columns))]
        body = "\n".join(
            f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |"
            for row in lines
        )
        return f"\n### {self.title}\n\n{body}"


def insert(table: Table, page: Path) -> bool:
    """Replace the table under a heading with this title in a Markdown page; return whether there is one."""
    heading = re.compile(rf"(?m)^(###+ {re.escape(table.title)}\n(?:(?!#).*\n)*?)(?:\|.*\n)+", re.IGNORECASE)
    text = page.read_text(encoding="utf-8")
    body = str(table).split("\n\n", 1)[1] + "\n"
    text, count = heading.subn(lambda found: found[1] + body, text)
    page.write_text(text, encoding="utf-8")
    return count > 0


def in_turn(
    work: Mapping[str, Callable[[Path], Sequence[float]]], rounds: int, folder: Path | None
) -> dict[str, list[float]]:
    """Run each work once to warm up and then in all rounds, in an order that changes; return medians.

    Parameters
    ----------
    work
        Functions that are given a new folder, and return numbers.
    rounds
        How many of them count.
    folder
        On the disk to write to; None for a temporary one.
    """
    names = [*work]
    results: dict[str, list[Sequence[float]]] = {name: [] for name in names}
    for number in range(rounds + 1):
        turn = number % len(names)  # another one begins, as each suffers from what the one before left
        for name in names[turn:] + names[:turn]:
            own = Path(tempfile.mkdtemp(dir=folder))
            result = work[name](own)
            shutil.rmtree(own)
            if hasattr(os, "sync"):
                os.sync()
            if number:
                results[name].append(result)
    return {
        name: [statistics.median(column) for column in zip(*rows, strict=True)]
        for name, rows in results.items()
    }


def in_process(script: str, *arguments: object) -> list[float]:
    """Run a script in a process of its own, and return the numbers that it prints."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    paths = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    environment = os.environ | {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return [float(word) for word in done.stdout.split()]
