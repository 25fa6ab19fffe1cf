"""Requests to S3 and what speaks its language (OBS, OSS, COS, MinIO), signed with version 4.

Formula: AWS, "Authenticating Requests (AWS Signature Version 4)", signed in the header, with the payload's own hash.
Credentials come from the variables that AWS's own tools read.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from suanwang.errors import Never, msg

EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """`endpoint` "": AWS's own of the region, with the bucket in the host."""

    key: str
    secret: str
    region: str
    token: str = ""
    endpoint: str = ""


def credentials(environment: Mapping[str, str]) -> Credentials:
    """Raises Never(data-refused), naming every variable that is missing."""
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    missing = [name for name in names if not environment.get(name)]
    if missing:
        what = msg("S3 needs {names} in the environment", names=", ".join(missing))
        raise Never("data-refused", what, msg("Set them as for AWS's own tools."))
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    return Credentials(
        key=environment[names[0]],
        secret=environment[names[1]],
        region=region,
        token=environment.get("AWS_SESSION_TOKEN", ""),
        endpoint=environment.get("AWS_ENDPOINT_URL", "").rstrip("/"),
    )


def address(bucket: str, name: str, known: Credentials) -> str:
    """The URL of an object: the bucket in the path where an endpoint is given, else in the host."""
    path = quote(name, safe="/~-._")
    if known.endpoint:
        return f"{known.endpoint}/{bucket}/{path}"
    return f"https://{bucket}.s3.{known.region}.amazonaws.com/{path}"


def signed(
    method: str, url: str, known: Credentials, now: datetime, *, body_sha256: str = EMPTY, headers: Mapping[str, str]
) -> dict[str, str]:
    """The headers with those of the signature. `now` aware UTC."""
    host, _, path = url.partition("://")[2].partition("/")
    stamp = f"{now:%Y%m%dT%H%M%SZ}"
    given = {name.lower(): value.strip() for name, value in headers.items()}
    given |= {"host": host, "x-amz-content-sha256": body_sha256, "x-amz-date": stamp}
    if known.token:
        given["x-amz-security-token"] = known.token
    names = ";".join(sorted(given))
    lines = "".join(f"{name}:{given[name]}\n" for name in sorted(given))
    canonical = f"{method}\n/{path}\n\n{lines}\n{names}\n{body_sha256}"
    scope = f"{now:%Y%m%d}/{known.region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{known.secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    authorization = f"AWS4-HMAC-SHA256 Credential={known.key}/{scope},SignedHeaders={names},Signature={signature}"
    return {**given, "authorization": authorization}
