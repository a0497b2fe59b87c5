"""Finishing the files: write the final order of pages and the OME-XML."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from exengine_ome_tiff.dataset.columnar_index import IndexEncoder
from exengine_ome_tiff.dataset.loader import find_companion
from exengine_ome_tiff.dataset.recording import Recording
from exengine_ome_tiff.ome.image_values import OmeImage
from exengine_ome_tiff.text_format import count_text
from exengine_ome_tiff.tiff import JournalFile, finish_journal, sync_folder, write_whole
from exengine_ome_tiff.writing.claim import sync_names
from exengine_ome_tiff.writing.contents import CREATOR, Contents

logger = logging.getLogger(__name__)


def finish_files(
    recording: Recording,
    *,
    fsync: bool,
    new_folders: Sequence[Path] = (),
    waiting: Collection[int] = (),
) -> None:
    """Convert all files to OME-TIFF, and write the companion of a folder.

    Parameters
    ----------
    recording
        The dataset; finished files are not changed.
    fsync
        Whether to wait until everything is safe on the disk.
    new_folders
        Folders that were created for the dataset.
    waiting
        Numbers of files that cannot be finished, because some of their frames could not be written yet.

    Raises
    ------
    OSError
        A file could not be finished. All files stay readable, the others are finished, and this function may
        be called again.
    """
    location = recording.location
    for number, file in enumerate(recording.index.files):
        if number not in waiting and not len(file.pages):
            file.discard()  # not even its first frame could be written
    without_pages = {number for number, file in enumerate(recording.index.files) if not len(file.pages)}
    contents = Contents(recording, without_pages.union(waiting))
    recording.names = contents.names
    if location.is_folder and not all(each.file.is_finished for each in contents.files):
        stale = find_companion(location.path, recording.header.dataset)
        # one by a checkpoint has pages of the previous chains; a copy by the user stays
        if stale is not None and (stale == location.companion or not location.companion.exists()):
            stale.unlink()
            if fsync:
                sync_folder(location.folder)
    errors, encoder = [], IndexEncoder(recording.index)
    for each in contents.files:
        if each.file.is_finished:
            continue
        try:
            finish_journal(
                each.file,
                each.pages(recording.index, JournalFile.append_blank),
                contents.xml(each),
                CREATOR,
                sizes=each.sizes,
                names=contents.names_json,
                index=encoder.encode(each.number),
                fsync=fsync,
            )
        except OSError as error:
            errors.append(error)  # that of one position; the others are finished nevertheless
    described = [image for each in contents.files for image in each.described]
    logger.info("%s: %s", location.name, _outline(described))
    contents.findings.log(logger, location.name)
    if errors:
        raise errors[0]
    if location.is_folder and not waiting:
        write_whole(location.companion, contents.companion_xml(), fsync=fsync)
    if fsync:
        sync_names(location, new_folders)


def _outline(images: Sequence[OmeImage]) -> str:
    """Summarize what readers will show: number of images, and sizes and calibration of the first one."""
    if not images:
        return "no image"
    image = images[0]
    sizes = " ".join(f"{axis}={image.layout.sizes[axis]}" for axis in "TCZ")
    known = {
        "pixel size": (image.values.pixel_size_x_um, "um"),
        "z step": (image.values.z_step_um, "um"),
        "time interval": (image.values.time_interval_s, "s"),
    }
    calibration = [
        f"{name} {value:.4g} {unit}" if isinstance(value, float) else f"no {name}"
        for name, (value, unit) in known.items()
    ]
    return ", ".join([count_text(len(images), "image"), f"the first with {sizes}", *calibration])
