"""Make the tables of metadata keys from the code, so that both always agree."""

from collections.abc import Iterator
from pathlib import Path

from exengine_ome_tiff.ome.colors import NAMES
from exengine_ome_tiff.translate.interpreter import BUILT_IN
from exengine_ome_tiff.translate.quantities import QUANTITIES


def write_tables(folder: Path) -> None:
    """Write the tables to files that pages include."""
    folder.mkdir(exist_ok=True)
    (folder / "dialects.md").write_text("\n".join(_dialects()), "utf-8")
    (folder / "names.md").write_text("\n".join(_names()), "utf-8")
    (folder / "colors.md").write_text("\n".join(_colors()), "utf-8")


def _dialects() -> Iterator[str]:
    for dialect in BUILT_IN:
        targets: dict[str, list[str]] = {}
        for each in (*dialect.rules, *dialect.notes):
            known = targets.setdefault(each.key, [])
            if each.target not in known:
                known.append(each.target)
        yield f"### {dialect.name}\n\n| key of a frame | OME |\n|---|---|"
        yield from (f"| `{key}` | {'; '.join(target)} |" for key, target in targets.items())
        yield ""
        if dialect.summary_notes:
            yield "| key of the summary | OME |\n|---|---|"
            yield from (f"| `{note.key}` | {note.target} |" for note in dialect.summary_notes)
            yield ""


def _names() -> Iterator[str]:
    yield "| key | also, in any spelling | units |\n|---|---|---|"
    for quantity in QUANTITIES:
        names = ", ".join(f"`{name}`" for name in sorted(quantity.names) if name)
        yield f"| `{quantity.example}` | {names} | {', '.join(quantity.units)} |"


def _colors() -> Iterator[str]:
    yield "| colour | names |\n|---|---|"
    for (red, green, blue), names in NAMES.items():
        yield f"| `#{red:02X}{green:02X}{blue:02X}` | {', '.join(names)} |"
