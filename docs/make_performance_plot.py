"""Draw images/performance.png from the tables in explanation/performance.md; needs the extra `docs`.

Run it as `python docs/make_performance_plot.py`.
"""

import re
from pathlib import Path

import matplotlib.pyplot as plt

HERE = Path(__file__).parent
TITLE = re.compile(r"### (\d+) x \d+ uint16, [\d,]+ frames$")
SHOWN = {
    "TiffStorage": "#1b6ca8",
    "NDTiffStorage": "#d1495b",
    "tifffile, page per write": "#8d96a3",
    "tifffile, contiguous, no metadata": "#c4cad0",
    "ome-writers, tifffile": "#edae49",
}


def tables(text: str) -> dict[str, dict[str, float]]:
    """Return frames/s by writer of each table of written frames, by size in pixels."""
    found: dict[str, dict[str, float]] = {}
    rows: dict[str, float] | None = None
    for line in text.splitlines():
        if line.startswith("#"):
            title = TITLE.match(line)
            rows = found.setdefault(title[1], {}) if title else None
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if rows is not None and cells[0] in SHOWN:
            rows[cells[0]] = float(cells[1].replace(",", ""))
    return found


def main() -> None:
    found = tables((HERE / "explanation" / "performance.md").read_text(encoding="utf-8"))
    figure, axes = plt.subplots(1, len(found), figsize=(10, 3), layout="constrained")
    for axis, (size, rates) in zip(axes, found.items(), strict=True):
        names = [name for name in SHOWN if name in rates]
        bars = axis.barh(names, [rates[name] for name in names], color=[SHOWN[name] for name in names])
        axis.bar_label(bars, [f" {rates[name]:,.0f}" for name in names], fontsize=8)
        axis.set_title(f"{size} x {size}", fontsize=10)
        axis.set_xlim(0, 1.35 * max(rates.values()))
        axis.invert_yaxis()
        axis.set_xticks([])
        axis.spines[["top", "right", "bottom"]].set_visible(False)
        axis.tick_params(left=False, labelsize=8)
        if axis is not axes[0]:
            axis.set_yticklabels([])
    figure.suptitle("frames/s of bare put without fsync, with finish (uint16, 40 metadata keys)", fontsize=10)
    figure.savefig(HERE / "images" / "performance.png", dpi=110)


if __name__ == "__main__":
    main()
