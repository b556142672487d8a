"""How is a store reached? Credentials come from the environment, a profile or the machine's role."""

import os

import pyarrow.fs as fs

from scorer.places import Uri


def open_place(uri: Uri, *, seconds: float) -> tuple[fs.FileSystem, str]:
    """The file system of a URI, and the bucket's path in it; a request that gets no byte for `seconds` has failed."""
    if uri.scheme != "s3":
        found: tuple[fs.FileSystem, str] = fs.FileSystem.from_uri(f"{uri.scheme}://{uri.root}/{uri.query}")
        return found[0], found[1].strip("/")
    user, _, bucket = uri.root.rpartition("@")
    return _s3(bucket, dict(uri.options), anonymous=bool(user), seconds=seconds), bucket


def _s3(bucket: str, options: dict[str, str], *, anonymous: bool, seconds: float) -> fs.FileSystem:
    region = options.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    endpoint = options.get("endpoint_override") or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    scheme, _, host = endpoint.rpartition("://") if endpoint else ("", "", "")
    if not region:
        region = "us-east-1" if endpoint else fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        anonymous=anonymous,
        region=region,
        endpoint_override=host or None,
        scheme=options.get("scheme") or scheme or "https",
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3),  # for blips; what lasts longer is ours to sit out, and to tell
        connect_timeout=min(10.0, seconds),
        request_timeout=seconds,
        background_writes=False,
        allow_delayed_open=True,  # a small object is one request, so whole or not there
    )
