"""The functions' package, after Chalice has made it: smaller, and quicker to start.

A function's folder cannot be written to, so Python would compile every source again at each cold
start: the package brings the bytecode.
"""

import compileall
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from py_compile import PycInvalidationMode
from tempfile import TemporaryDirectory

from tracker import schemas
from tracker.errors import DeploymentError

_LEFT_OUT = ("boto3", "requests")
"""The functions use neither. And boto3 would hide the one that fits the runtime's botocore."""

OTHER_FORMS = ("ua_parser_builtins/matchers.py", "ua_parser_builtins/regexes.py")
"""The same rules as in ``lazy.py``, which is what `tracker.user_agent` reads."""

_FOR_SCHEMAS = ("jsonschema_rs",)
"""Two megabytes, that only a package with schemas needs."""

_TASK = "/var/task"
"""Where Lambda unpacks it."""

_SHOWN = 4


def finish(package: Path) -> None:
    """Leave out what no function uses, and add the bytecode of this Python, which is the
    function's as well. A package that is finished stays as it is. Raises `DeploymentError`."""
    with TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        try:
            with zipfile.ZipFile(package) as archive:
                names = archive.namelist()
                has_schemas = any(name.startswith(f"{schemas.FOLDER}/") for name in names)
                left_out = _LEFT_OUT if has_schemas else _LEFT_OUT + _FOR_SCHEMAS
                names = [
                    name
                    for name in names
                    if not _belongs_to(left_out, name) and name not in OTHER_FORMS
                ]
                if any("/__pycache__/" in name for name in names):
                    return
                archive.extractall(tree, names)
        except (OSError, zipfile.BadZipFile) as error:
            raise DeploymentError(f"{package} cannot be read: {error}") from None
        compileall.compile_dir(
            str(tree),
            quiet=2,
            stripdir=str(tree),
            prependdir=_TASK,
            # Nobody changes a source in there, so there is no need to look.
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
        finished = Path(folder) / "finished.zip"
        with zipfile.ZipFile(finished, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(path for path in tree.rglob("*") if path.is_file()):
                _add(archive, file, file.relative_to(tree).as_posix())
        partial = package.with_suffix(".part")
        partial.write_bytes(finished.read_bytes())
        partial.replace(package)


def size(package: Path) -> str:
    """How large a package is, and what makes it so, in a line."""
    parts: Counter[str] = Counter()
    with zipfile.ZipFile(package) as archive:
        for file in archive.infolist():
            parts[file.filename.partition("/")[0]] += file.compress_size
    largest = ", ".join(f"{name} {bytes_ // 1024}" for name, bytes_ in parts.most_common(_SHOWN))
    return f"{package.stat().st_size // 1024} KiB (the most: {largest})"


def _belongs_to(parts: Sequence[str], name: str) -> bool:
    return name.startswith(tuple(f"{part}{end}" for part in parts for end in ("/", "-")))


def _add(archive: zipfile.ZipFile, file: Path, name: str) -> None:
    """With a fixed date: the same content is the same package."""
    entry = zipfile.ZipInfo(name)
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
