"""Performs the cases of the comparing tests with Python requests.

Reads one JSON object a line on stdin, writes one a line on stdout. Needs requests 2.34.2 and urllib3 2.8.0; for the
codings br and zstd also brotli and backports.zstd (Python 3.14 has the latter). The comparing itself is done by the Rust
tests, tests/compare/requests.rs and tests/compare/responses.rs; this file knows nothing of petition.

  {"do": "about"}                      -> {"requests": "2.34.2", "urllib3": ..., "python": [3, 12], "codings": [...]}
  {"do": "send", "case": {...}}        -> {"outcomes": [OUTCOME, ...]}, one for each step (tests/compare/wire_cases.jsonl)
  {"do": "fetch", "url": ..., ...}     -> {"outcome": {"status": ..., ...}} (tests/compare/response_cases.jsonl)

OUTCOME is {"status": 200} or {"error": "ConnectionError"}; an exception that is not one of requests' own has its module
in front: "urllib3.LocationParseError", "builtins.ValueError".
"""

import base64
import io
import json
import sys
import tempfile
import warnings

import requests
import urllib3
from requests.auth import HTTPBasicAuth, HTTPDigestAuth
from urllib3.util import SKIP_HEADER

warnings.simplefilter("ignore")


def error_name(error):
    module = type(error).__module__.split(".")[0]
    name = type(error).__name__
    return name if module == "requests" else f"{module}.{name}"


def content(spec):
    """Latin-1 text, or {"repeat": [text, times]}, or {"utf8": text} -> bytes."""
    if isinstance(spec, str):
        return spec.encode("latin-1")
    if "utf8" in spec:
        return spec["utf8"].encode()
    text, times = spec["repeat"]
    return text.encode("latin-1") * times


class Reader:
    """A file that knows neither its length nor its position."""

    def __init__(self, data):
        self.inner = io.BytesIO(data)

    def read(self, size=-1):
        return self.inner.read(size)

    def __iter__(self):
        return iter(lambda: self.inner.read(16384), b"")


class Sized(Reader):
    """A file that knows its length and nothing else."""

    def __init__(self, data):
        super().__init__(data)
        self.len = len(data)


def body(spec):
    (kind, value), = spec.items()
    if kind == "text":
        return value
    if kind == "bytes":
        return content(value)
    if kind == "form":
        return value if isinstance(value, dict) else [tuple(pair) for pair in value]
    if kind == "chunks":
        return (content(item) for item in value)
    if kind == "reader":
        return Reader(content(value))
    if kind == "sized":
        return Sized(content(value))
    if kind == "file":
        value, position = value if isinstance(value, list) else (value, 0)
        opened = tempfile.TemporaryFile()
        opened.write(content(value))
        opened.seek(position)
        return opened
    raise ValueError(kind)


def files(parts):
    out = []
    for part in parts:
        data = content(part["content"])
        if part.get("file"):
            data = io.BytesIO(data)
        value = [part.get("name"), data]
        if "mime" in part or "headers" in part:
            value.append(part.get("mime"))
        if "headers" in part:
            value.append(dict(part["headers"]))
        out.append((part["field"], tuple(value)))
    return out


class Bearer(requests.auth.AuthBase):
    def __init__(self, token):
        self.token = token

    def __call__(self, request):
        request.headers["Authorization"] = "Bearer " + self.token
        return request


def auth(spec):
    (kind, value), = spec.items()
    if kind == "basic":
        return HTTPBasicAuth(*value)
    if kind == "digest":
        return HTTPDigestAuth(*value)
    return Bearer(value)


def params(spec):
    return [tuple(pair) for pair in spec] if isinstance(spec, list) else spec


def session_of(settings):
    session = requests.Session()
    session.trust_env = False
    for name, value in settings.get("headers", []):
        if value is None:
            session.headers.pop(name, None)
        else:
            session.headers[name] = value
    if "params" in settings:
        session.params = settings["params"]
    if "auth" in settings:
        session.auth = auth(settings["auth"])
    for name, value, *where in settings.get("cookies", []):
        session.cookies.set(name, value, **dict(zip(("domain", "path"), where)))
    session.proxies.update(settings.get("proxies", {}))
    if "max_redirects" in settings:
        session.max_redirects = settings["max_redirects"]
    return session


def settings_of(step):
    out = {}
    headers = {name: value for name, value in step.get("headers", [])}
    headers.update({name: SKIP_HEADER for name in step.get("skip", [])})
    if headers:
        out["headers"] = headers
    for name, convert in (("params", params), ("data", body), ("files", files), ("auth", auth)):
        if name in step:
            out[name] = convert(step[name])
    for name in ("json", "cookies"):
        if name in step:
            out[name] = step[name]
    return out


def perform(session, step):
    settings = settings_of(step)
    sending = {name: step[name] for name in ("allow_redirects", "proxies") if name in step}
    sending["timeout"] = step.get("timeout", 5)
    method, url = step.get("method", "GET"), step["url"]
    if step.get("prepared"):
        prepared = requests.Request(method, url, **settings).prepare()
        return session.send(prepared, **sending)
    if step.get("verb"):
        return getattr(session, method.lower())(url, **settings, **sending)
    return session.request(method, url, **settings, **sending)


def send(case):
    session = session_of(case.get("session", {}))
    outcomes = []
    for step in case.get("steps", [case]):
        try:
            response = perform(session, step)
            outcomes.append({"status": response.status_code, "url": response.url, "hops": len(response.history)})
        except Exception as error:
            outcomes.append({"error": error_name(error)})
    session.close()
    return {"outcomes": outcomes}


def fetch(job):
    session = requests.Session()
    session.trust_env = False
    try:
        response = session.request(job.get("method", "GET"), job["url"], timeout=(5, job["timeout"]), allow_redirects=False)
        outcome = {
            "status": response.status_code,
            "reason": response.reason,
            "headers": [list(pair) for pair in response.headers.items()],
            "body": base64.b64encode(response.content).decode(),
            "encoding": response.encoding,
        }
        if response.encoding is not None:
            outcome["text"] = response.text
    except Exception as error:
        outcome = {"error": error_name(error), "message": str(error)[:200]}
    session.close()
    return {"outcome": outcome}


def about(_):
    codings = [coding.strip() for coding in requests.utils.default_headers()["Accept-Encoding"].split(",")]
    return {
        "requests": requests.__version__,
        "urllib3": urllib3.__version__,
        "python": list(sys.version_info[:2]),
        "codings": codings,
    }


def main():
    for line in sys.stdin:
        job = json.loads(line)
        answer = {"about": about, "send": lambda job: send(job["case"]), "fetch": fetch}[job["do"]](job)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
