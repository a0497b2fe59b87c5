"""A dataset of which everything is at hand: frames, images, and what the OME-XML says of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path

from exengine_ome_tiff.dataset.frame_index import Dataset
from exengine_ome_tiff.dataset.header import Header
from exengine_ome_tiff.dataset.images import StoredImage, stored_images
from exengine_ome_tiff.dataset.loader import find_dataset, open_files_of, read_texts
from exengine_ome_tiff.dataset.location import Target
from exengine_ome_tiff.ome.xml_reader import ImageElement
from exengine_ome_tiff.tiff import read_head

_NO_TEXT = ImageElement({}, {}, (), {}, (), {})


@dataclass(frozen=True, slots=True)
class Opened:
    """A dataset that is open for reading.

    Parameters
    ----------
    target
        Where it lives.
    paths
        Its files.
    header
        What they say of it.
    dataset
        Its frames.
    images
        Its images in the order in which they first came.
    texts
        What the OME-XML says of each image; None where its file is not finished.
    indices
        Number of each image in the OME-XML of its file.
    is_finished
        Whether all files are.
    """

    target: Target
    paths: list[Path]
    header: Header
    dataset: Dataset
    images: list[StoredImage]
    texts: list[ImageElement | None]
    indices: list[int]
    is_finished: bool

    def told(self, image: int) -> ImageElement:
        """Return what the OME-XML says of an image: nothing where its file is not finished."""
        return self.texts[image] or _NO_TEXT

    def name(self, image: int) -> str:
        """Return the name of an image, as readers show it."""
        text = self.texts[image]
        return self.images[image].name if text is None else text.name


@contextmanager
def opened(path: str | PathLike[str]) -> Iterator[Opened]:
    """Open a dataset, finished or not.

    Raises
    ------
    FileNotFoundError
        There is nothing at the path.
    OmeTiffError
        What is there is no dataset, a folder with several, or damaged.
    """
    paths, header = find_dataset(Path(fspath(path)).absolute())
    finished = [read_head(each).is_finished for each in paths]
    dataset = open_files_of(paths, allow_unfinished=True)
    try:
        target = Target.of_files(paths, is_folder=header.is_folder)
        images = stored_images(dataset, target.name, header.fold_axes, header.given.image_name)
        found: list[tuple[StoredImage, ImageElement | None, int]] = []
        for number, each in enumerate(paths):
            inside = [image for image in images if image.file == number]
            texts: Sequence[ImageElement | None] = [None] * len(inside)
            if finished[number]:
                texts = read_texts(each, len(inside))
            found += zip(inside, texts, range(len(inside)), strict=True)
        found.sort(key=lambda each: each[0].layout.first_frame)
        yield Opened(
            target,
            paths,
            header,
            dataset,
            [image for image, _, _ in found],
            [text for _, text, _ in found],
            [index for _, _, index in found],
            all(finished),
        )
    finally:
        dataset.close()
