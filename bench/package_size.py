"""How large a Lambda's package is, and what makes it so."""

import zipfile
from collections import Counter
from pathlib import Path

SHOWN = 8


def report(package: Path) -> str:
    """A table of a zip's largest parts: packed and unpacked, in KiB."""
    packed: Counter[str] = Counter()
    unpacked: Counter[str] = Counter()
    try:
        with zipfile.ZipFile(package) as archive:
            for file in archive.infolist():
                part = file.filename.partition("/")[0]
                packed[part] += file.compress_size
                unpacked[part] += file.file_size
    except (OSError, zipfile.BadZipFile) as error:
        raise SystemExit(f"bench: {package} is no package: {error}") from None
    lines = [f"{'package':<40}{'zip KiB':>10}{'disk KiB':>10}"]
    rows = [("all of it", packed.total(), unpacked.total())]
    rows += [(part, size, unpacked[part]) for part, size in packed.most_common(SHOWN)]
    lines += [f"{part:<40}{size / 1024:>10.0f}{disk / 1024:>10.0f}" for part, size, disk in rows]
    return "\n".join(lines) + "\n"
