"""A file into S3, in parts: what was stopped goes on, and nothing is seen before its end."""

import hashlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from botocore.exceptions import ClientError

from tracker.aws import account

PART_BYTES = 16 * 1024 * 1024
MAX_PARTS = 10_000


class Place(NamedTuple):
    """Where it goes."""

    bucket: str
    key: str

    @property
    def request(self) -> dict[str, str]:
        """As the SDK takes it."""
        return {"Bucket": self.bucket, "Key": self.key}


def upload(file: Path, place: Place) -> Generator[int, None, None]:
    """After each step, how many bytes are there. Raises `DeploymentError`."""
    s3 = account.client("s3")
    size = file.stat().st_size
    part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
    with account.explained(), file.open("rb") as content:
        if size <= part_bytes:
            s3.put_object(**place.request, Body=content.read())
            yield size
        else:
            yield from _in_parts(s3, place, content, part_bytes)


def _in_parts(s3: Any, place: Place, content: BinaryIO, part_bytes: int) -> Iterator[int]:
    upload_id = _unfinished(s3, place) or s3.create_multipart_upload(**place.request)["UploadId"]
    known = _parts(s3, place, upload_id)
    parts: list[dict[str, Any]] = []
    while part := content.read(part_bytes):
        number = len(parts) + 1
        # S3 names a part by its MD5: what is of another try of something else is sent anew.
        tag = f'"{hashlib.md5(part, usedforsecurity=False).hexdigest()}"'
        if known.get(number) != tag:
            answer = s3.upload_part(
                **place.request, UploadId=upload_id, PartNumber=number, Body=part
            )
            tag = answer["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
        yield content.tell()
    s3.complete_multipart_upload(
        **place.request, UploadId=upload_id, MultipartUpload={"Parts": parts}
    )


def _unfinished(s3: Any, place: Place) -> str | None:
    """The upload that an earlier try began."""
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=place.bucket, Prefix=place.key
    )
    try:
        found = [one for page in pages for one in page.get("Uploads", [])]
    except ClientError as error:
        if account.is_code(error, "AccessDenied"):  # then each try begins anew
            return None
        raise
    same = [one for one in found if one["Key"] == place.key]
    same.sort(key=lambda one: one["Initiated"])
    return same[-1]["UploadId"] if same else None


def _parts(s3: Any, place: Place, upload_id: str) -> dict[int, str]:
    pages = s3.get_paginator("list_parts").paginate(**place.request, UploadId=upload_id)
    return {part["PartNumber"]: part["ETag"] for page in pages for part in page.get("Parts", [])}
