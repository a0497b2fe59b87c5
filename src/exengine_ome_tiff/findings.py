"""Findings: what a dataset leaves out or does not understand, each on one line with its fix."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace

_MOST_LOGGED = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a user ought to know about a dataset.

    Parameters
    ----------
    kind
        Topic, such as "unit", "value", "pixel size" or "z step".
    subject
        The metadata key, axis or well in question; empty if `kind` says it all.
    message
        What is wrong.
    fix
        What to do about it.
    count
        Number of occurrences, such as the number of images.
    """

    kind: str
    subject: str
    message: str
    fix: str
    count: int = 1

    def __str__(self) -> str:
        again = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.message}{again}: {self.fix}"


class Findings:
    """Collection of findings, one per kind and subject."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Finding] = {}
        self._seen: set[tuple[str, str, str]] = set()

    def add(self, kind: str, subject: str, message: str, fix: str) -> None:
        """Add a finding; if its kind and subject are known, another message is only counted."""
        if (kind, subject, message) in self._seen:
            return
        self._seen.add((kind, subject, message))
        known = self._found.get((kind, subject))
        self._found[kind, subject] = (
            Finding(kind, subject, message, fix) if known is None else replace(known, count=known.count + 1)
        )

    def add_once(self, kind: str, subject: str, message: str, fix: str) -> None:
        """Add a finding unless there is one of the same kind and subject, without counting."""
        self._found.setdefault((kind, subject), Finding(kind, subject, message, fix))

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    def log(self, logger: logging.Logger, name: str) -> None:
        """Log one line per finding, and one line for all beyond the first 20."""
        for finding in [*self][:_MOST_LOGGED]:
            line = str(finding)
            logger.warning("%s", line if line.startswith(f"{name}: ") else f"{name}: {line}")
        if len(self) > _MOST_LOGGED:
            logger.warning("%s: %d more findings: `info` lists them", name, len(self) - _MOST_LOGGED)
