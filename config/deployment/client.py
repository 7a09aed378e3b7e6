"""A small HTTP client: one call, one answer. It follows no redirect and tries nothing twice."""

import email.message
import http.client
import ipaddress
import json
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

CHUNK: Final = 64 * 1024
LONGEST_ANSWER: Final = 16 * 1024 * 1024
LONGEST_QUOTE: Final = 160


class Failed(Exception):
    """A check did not pass; the text says what was expected, what came, and what to do."""


class Unreachable(Failed):
    """No answer came at all."""


@dataclass(frozen=True)
class Answer:
    call: str
    status: int
    headers: email.message.Message
    text: str

    def must_be(self, status: int, advice: str = "") -> "Answer":
        if self.status == status:
            return self
        came = f"{self.call}: expected status {status}, came {self.said}."
        raise Failed(" ".join(filter(None, (came, advice or self._advice()))))

    def at(self, *path: str | int) -> Any:
        """Give what the JSON of the answer has at a path of keys."""
        found = self.json
        for key in path:
            try:
                found = found[key]
            except (KeyError, IndexError, TypeError):
                name = ".".join(map(str, path))
                raise Failed(f"{self.call}: expected the key {name} in the answer.") from None
        return found

    def objects(self, *path: str | int) -> list[dict[str, Any]]:
        found = self.at(*path)
        if isinstance(found, list) and all(isinstance(part, dict) for part in found):
            return found
        raise Failed(f"{self.call}: expected {'.'.join(map(str, path))} to be a list of objects.")

    def must_say(self, *path: str | int, value: bool | float | str, advice: str = "") -> "Answer":
        found = self.at(*path)
        if is_same(found, value):
            return self
        name = ".".join(map(str, path))
        came = f"{self.call}: expected {name} to be {json.dumps(value)}, came {_short(found)}."
        raise Failed(f"{came} {advice}".strip())

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            raise Failed(
                f"{self.call}: expected JSON, came {self.said}."
                " Does the address lead to Novara, and does the proxy hand this path on?"
            ) from None

    @property
    def said(self) -> str:
        """Status, and the error's code and text where there are any; nothing of a record."""
        kind = self.headers.get_content_type()
        if "json" not in kind:
            return f"{self.status} ({'an HTML page' if kind == 'text/html' else kind})"
        try:
            body = json.loads(self.text)
        except (ValueError, RecursionError):
            return f"{self.status} (broken JSON)"
        words = [body.get(name) for name in ("code", "detail", "error")] if is_object(body) else []
        quoted = ": ".join(word for word in words if isinstance(word, str))[:LONGEST_QUOTE]
        return f"{self.status} ({quoted})".rstrip(".)") + ")" if quoted else str(self.status)

    @property
    def sends_to(self) -> str:
        """Where a redirect leads, without path and query; empty if this is none."""
        target = urlsplit(self.headers.get("Location", ""))
        is_redirect = HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST
        return f"{target.scheme}://{target.netloc}" if is_redirect and target.netloc else ""

    def _advice(self) -> str:
        if self.sends_to:
            return f"It sends to {self.sends_to}."
        is_page = self.headers.get_content_type() == "text/html"
        if self.status == HTTPStatus.BAD_REQUEST and is_page:
            return "Is the host name of --url in the server's ALLOWED_HOSTS?"
        if self.status in {HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT}:
            return "The proxy does not reach the web process."
        if self.status == HTTPStatus.SERVICE_UNAVAILABLE:
            return "Something that it needs is away or switched off: /readyz says what."
        if self.status == HTTPStatus.INTERNAL_SERVER_ERROR:
            number = self.headers.get("X-Request-ID", "unknown")
            return f"The server's log has the place, under request_id {number}."
        return ""


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def is_same(left: Any, right: Any) -> bool:
    """Compare type and all: true is not 1, and 1 is not 1.0."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(is_same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(is_same, left, right))
    return bool(left == right)


def _short(value: Any) -> str:
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return f"{len(value)} characters" if isinstance(value, str) else f"a {type(value).__name__}"


class Server:
    """The server under test. Its address is http(s)://host[:port][/prefix]."""

    def __init__(self, url: str, timeout: float) -> None:
        parts = urlsplit(url)
        is_plain = not (parts.query or parts.fragment or parts.username or parts.password)
        if parts.scheme not in {"http", "https"} or not parts.hostname or not is_plain:
            raise ValueError("Give --url as http://host or https://host, with a port if need be.")
        self.base = url.rstrip("/")
        self.timeout = timeout
        self.is_https = parts.scheme == "https"
        # Without the library's handlers for redirects, errors and other schemes.
        self._opener = urllib.request.OpenerDirector()
        proxies = urllib.request.ProxyHandler({} if _is_here(parts.hostname) else None)
        for handler in (proxies, urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()):
            self._opener.add_handler(handler)

    def reach(self) -> None:
        """Raise Unreachable unless something answers here, and does not send elsewhere."""
        answer = self.call("GET", "/livez")
        if answer.sends_to:
            raise Unreachable(f"{self.base} sends to {answer.sends_to}: give that as --url.")

    def call(
        self, method: str, path: str, body: Any = None, token: str | None = None, **headers: str
    ) -> Answer:
        """Call; `X_Request_ID="…"` stands for a header. A token is sent and never shown."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = None
        if body is not None:
            data, named["Content-Type"] = json.dumps(body).encode(), "application/json"
        if token is not None:
            named["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(  # noqa: S310  The scheme was looked at.
            self.base + path, data=data, headers=named, method=method
        )
        name = f"{method} {path.partition('?')[0]}"
        try:
            with self._opener.open(request, timeout=self.timeout) as response:
                text = self._read(response)
                if token:
                    text = text.replace(token, "…")
                return Answer(name, response.status, response.headers, text)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{name}: {self._reason(error)}") from error

    def _read(self, response: http.client.HTTPResponse) -> str:
        """Read to the end, but no longer than the time allows."""
        deadline = time.monotonic() + self.timeout
        content = bytearray()
        while part := response.read1(CHUNK):
            content += part
            if time.monotonic() > deadline:
                raise TimeoutError
            if len(content) > LONGEST_ANSWER:
                raise http.client.HTTPException
        return content.decode(errors="replace")

    def _reason(self, error: Exception) -> str:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            return f"no answer within {self.timeout:g} s (--timeout gives more)."
        if isinstance(cause, ssl.SSLError):
            return f"no safe connection ({cause.reason or 'TLS'}). Look at the certificate."
        if isinstance(cause, OSError):
            return f"no answer from {self.base} ({cause.strerror or type(cause).__name__})."
        return "the answer is not HTTP. Is this the port of the web process, or of its proxy?"


def _is_here(host: str) -> bool:
    """Whether calls stay on this machine, and so go through no proxy."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
