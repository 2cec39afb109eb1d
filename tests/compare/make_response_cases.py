"""Writes tests/compare/response_cases.jsonl: raw responses, valid, odd and broken, for tests/compare/responses.rs.

    python tests/compare/make_response_cases.py > tests/compare/response_cases.jsonl

Needs brotli and backports.zstd. A row has `id`; the bytes: `raw` (text), `b64`, or `parts`, pairs of text and how often it
comes; and where they are not the usual ones: `method`; `end`: what the server does after the last byte: "close" (the
usual), "keep" (waits for the client to close); `needs`: codings that both sides must have; `timeout`, the read timeout in
seconds. `differs` says why petition is not as requests, on purpose; the list is at the end. What both make of a row is
compared, not written down.
"""

import base64
import fnmatch
import gzip
import json
import re
import sys
import zlib

import brotli
from backports import zstd

ROWS = {}


def row(name, raw, **more):
    raw = raw.encode("latin-1") if isinstance(raw, str) else raw
    assert name not in ROWS, name
    ROWS[name] = {"id": name, **content(raw), **more}


def content(raw):
    if not all(32 <= byte < 127 or byte in b"\r\n\t" for byte in raw):
        return {"b64": base64.b64encode(raw).decode()}
    text = raw.decode("ascii")
    runs = [run.group() for run in re.finditer(r"(.)\1{999,}", text)]
    if not runs:
        return {"raw": text}
    parts = []
    for run in runs:
        before, text = text.split(run, 1)
        parts += [[before, 1], [run[0], len(run)]]
    return {"parts": parts + [[text, 1]]}


def response(headers="", body=b"", status="HTTP/1.1 200 OK"):
    body = body.encode("latin-1") if isinstance(body, str) else body
    return f"{status}\r\n{headers}\r\n".encode("latin-1") + body


def sized(headers, body, **more):
    body = body.encode("latin-1") if isinstance(body, str) else body
    return response(f"{headers}Content-Length: {len(body)}\r\n", body, **more)


def chunks(body, size=7):
    parts = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def framed(framing, headers, body):
    if framing == "length":
        return sized(headers, body)
    if framing == "chunked":
        return response(headers + "Transfer-Encoding: chunked\r\n", chunks(body))
    return response(headers, body)


def status_lines():
    for code in (200, 201, 202, 203, 205, 206, 226, 299, 400, 404, 418, 429, 499, 500, 503, 599, 600, 999):
        row(f"status/code-{code}", sized("", "body", status=f"HTTP/1.1 {code} Reason"))
    for code in (200, 404, 500):
        row(f"status/http-1.0-{code}", sized("", "body", status=f"HTTP/1.0 {code} Reason"))
    for code in (301, 302, 303, 307, 308, 300, 305):
        row(f"status/redirect-{code}", sized("Location: /elsewhere\r\n", "moved", status=f"HTTP/1.1 {code} Moved"))
    for name, line in {
        "no-reason": "HTTP/1.1 200", "no-reason-but-blank": "HTTP/1.1 200 ",
        "reason-words": "HTTP/1.1 200 Very  Good  Indeed",
        "reason-outer-blanks": "HTTP/1.1 200   OK  ", "reason-tab": "HTTP/1.1 200 O\tK",
        "reason-latin-1": "HTTP/1.1 200 d\xe9j\xe0 vu",
        "reason-utf-8": "HTTP/1.1 200 \xe2\x82\xac", "reason-colon": "HTTP/1.1 200 A: B",
        "reason-long": "HTTP/1.1 200 " + "r" * 30000,
        "reason-digits": "HTTP/1.1 200 200", "reason-too-long": "HTTP/1.1 200 " + "r" * 70000,
        "http-2": "HTTP/2 200 OK", "http-2.0": "HTTP/2.0 200 OK", "http-3": "HTTP/3 200", "http-1": "HTTP/1 200 OK",
        "http-1.2": "HTTP/1.2 200 OK",
        "http-1.10": "HTTP/1.10 200 OK", "http-0.9": "HTTP/0.9 200 OK", "http-1.x": "HTTP/1.x 200 OK",
        "http-no-number": "HTTP/ 200 OK",
        "lower-case": "http/1.1 200 OK", "mixed-case": "Http/1.1 200 OK", "icy": "ICY 200 OK", "no-version": "200 OK",
        "garbage": "garbage",
        "html": "<html><body>hello</body></html>", "ssh": "SSH-2.0-OpenSSH_9.6", "code-99": "HTTP/1.1 99 Low",
        "code-0": "HTTP/1.1 0 Zero", "code-000": "HTTP/1.1 000 Zero",
        "code-1000": "HTTP/1.1 1000 High", "code-0200": "HTTP/1.1 0200 OK", "code-20": "HTTP/1.1 20 OK",
        "code-letters": "HTTP/1.1 abc OK", "code-2xx": "HTTP/1.1 2xx OK",
        "code-plus": "HTTP/1.1 +200 OK", "code-minus": "HTTP/1.1 -200 OK", "code-underscore": "HTTP/1.1 2_00 OK",
        "code-float": "HTTP/1.1 200.0 OK", "code-missing": "HTTP/1.1 ", "code-missing-no-blank": "HTTP/1.1",
        "code-and-letters": "HTTP/1.1 200OK", "two-blanks": "HTTP/1.1  200 OK", "tabs": "HTTP/1.1\t200\tOK",
        "leading-blank": " HTTP/1.1 200 OK", "nul-in-reason": "HTTP/1.1 200 O\x00K", "bare-cr": "HTTP/1.1 200 O\rK",
    }.items():
        row(f"status/{name}", sized("X-A: 1\r\n", "body", status=line))
    whole = sized("X-A: 1\r\n", "body")
    for name, raw in {
        "leading-crlf": b"\r\n" + whole, "leading-lf": b"\n" + whole, "leading-two-crlf": b"\r\n\r\n" + whole,
        "only-lf": whole.replace(b"\r\n", b"\n"),
        "nothing": b"", "only-crlf": b"\r\n", "cut-in-version": b"HTT", "cut-before-code": b"HTTP/1.1 ",
        "cut-in-code": b"HTTP/1.1 20", "cut-in-reason": b"HTTP/1.1 200 O",
        "cut-before-lf": b"HTTP/1.1 200 OK\r", "cut-after-line": b"HTTP/1.1 200 OK\r\n",
        "cut-in-name": b"HTTP/1.1 200 OK\r\nX-", "cut-in-value": b"HTTP/1.1 200 OK\r\nX-A: 1",
        "cut-in-length": b"HTTP/1.1 200 OK\r\nContent-Length: 1", "cut-after-header": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n",
        "cut-before-last-lf": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n\r", "head-only": b"HTTP/1.1 200 OK\r\n\r\n",
        "no-headers": b"HTTP/1.1 200 OK\r\n\r\nbody", "zero-bytes": b"\x00" * 20,
        "tls-alert": b"\x15\x03\x01\x00\x02\x02\x28", "binary": bytes(range(256)),
    }.items():
        row(f"head/{name}", raw)
    for name, raw in {"nothing": b"", "only-crlf": b"\r\n", "cut-in-value": b"HTTP/1.1 200 OK\r\nX-A: 1"}.items():
        row(f"head/{name}-and-silence", raw, end="keep")


def interim():
    last = sized("", "final")
    for code in (100, 102, 103, 199):
        row(f"interim/{code}", f"HTTP/1.1 {code} Wait\r\n\r\n".encode() + last)
        row(f"interim/{code}-headers", f"HTTP/1.1 {code} Wait\r\nLink: </a>\r\nX-Interim: 1\r\n\r\n".encode() + last)
        row(f"interim/{code}-length", f"HTTP/1.1 {code} Wait\r\nContent-Length: 3\r\n\r\n".encode() + last)
        row(f"interim/{code}-and-end", f"HTTP/1.1 {code} Wait\r\n\r\n")
    row("interim/100-many", b"HTTP/1.1 100 Continue\r\n\r\n" * 10 + last)
    row("interim/100-then-102", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + last)
    row("interim/100-without-reason", b"HTTP/1.1 100\r\n\r\n" + last)
    row("interim/100-cut", b"HTTP/1.1 100 Continue\r\n")
    row("interim/100-then-garbage", b"HTTP/1.1 100 Continue\r\n\r\ngarbage\r\n\r\n")
    row("interim/100-http-1.0", b"HTTP/1.0 100 Continue\r\n\r\n" + last)
    row("interim/101", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", method="GET")


def header_lines():
    for name, lines in {
        "none": "", "one": "X-A: 1\r\n", "order": "Z: 1\r\nA: 2\r\nM: 3\r\n",
        "case": "x-lower: 1\r\nX-UPPER: 2\r\ncOnTeNt-tYpE: text/plain\r\n",
        "repeated": "X-A: 1\r\nX-B: 2\r\nX-A: 3\r\n", "repeated-other-case": "X-A: 1\r\nx-a: 2\r\n",
        "repeated-empty": "X-A: \r\nX-A: 1\r\n", "set-cookie-twice": "Set-Cookie: a=1; Path=/\r\nSet-Cookie: b=2\r\n",
        "empty-value": "X-A:\r\n", "blank-value": "X-A:   \r\n", "no-blank": "X-A:1\r\n",
        "many-blanks": "X-A:    1    \r\n", "tabs": "X-A:\t1\t\r\n", "inner-blanks": "X-A: a  b\tc\r\n",
        "colon-in-value": "X-A: a:b: c\r\n",
        "latin-1": "X-A: caf\xe9\r\n", "utf-8": "X-A: \xe2\x82\xac\r\n", "c1-control": "X-A: a\x85b\x9f\r\n",
        "no-break-space": "X-A: \xa0a\xa0\r\n", "quotes": "X-A: \"q\\\"x\"\r\n",
        "long-value": "X-A: " + "v" * 50000 + "\r\n",
        "fold": "X-A: a\r\n b\r\n", "fold-tab": "X-A: a\r\n\tb\r\n",
        "fold-many": "X-A: a\r\n   b  \r\n \t c\r\nX-B: 1\r\n", "fold-empty": "X-A: a\r\n  \r\nX-B: 1\r\n",
        "fold-first": " X-A: a\r\nX-B: 1\r\n", "fold-lf": "X-A: a\n b\nX-B: 1\n",
        "blank-before-colon": "X-A : 1\r\nX-B: 2\r\n", "tab-before-colon": "X-A\t: 1\r\nX-B: 2\r\n",
        "blank-in-name": "X A: 1\r\nX-B: 2\r\n", "no-colon": "X-A\r\nX-B: 2\r\n",
        "no-colon-last": "X-B: 2\r\nnothing\r\n", "empty-name": ": 1\r\nX-B: 2\r\n", "only-colon": ":\r\nX-B: 2\r\n",
        "symbols-in-name": "X!#$%&'*+.^_`|~1: 1\r\n", "parentheses-in-name": "X(A): 1\r\nX-B: 2\r\n",
        "slash-in-name": "X/A: 1\r\n", "non-ascii-name": "X-\xe9: 1\r\nX-B: 2\r\n",
        "control-in-name": "X\x01A: 1\r\nX-B: 2\r\n",
        "bare-cr-in-value": "X-A: a\rX-Evil: 1\r\nX-B: 2\r\n", "nul-in-value": "X-A: a\x00b\r\nX-B: 2\r\n",
        "control-in-value": "X-A: a\x01b\r\n", "del-in-value": "X-A: a\x7fb\r\n", "cr-cr-lf": "X-A: 1\r\r\nX-B: 2\r\n",
        "lf-only": "X-A: 1\nX-B: 2\n", "mixed-ends": "X-A: 1\nX-B: 2\r\n",
        "vertical-tab": "X-A: a\x0bb\r\nX-B: 2\r\n", "form-feed": "X-A: a\x0cb\r\nX-B: 2\r\n",
        "from-line": "From a@b\r\nX-B: 2\r\n", "status-line-again": "HTTP/1.1 200 OK\r\nX-B: 2\r\n",
        "next-line-char": "X-A: a\x85X-Evil: 1\r\nX-B: 2\r\n", "file-separator": "X-A: a\x1cX-Evil: 1\r\nX-B: 2\r\n",
    }.items():
        row(f"headers/{name}", sized(lines, "body"))
    for count in (50, 98, 99, 100, 150, 300):
        # Content-Length is one more.
        row(f"headers/count-{count}", sized("".join(f"X-{n}: {n}\r\n" for n in range(count - 1)), "body"))
    for size in (65534, 65536, 65538, 100000, 300000):
        row(f"headers/line-{size}", sized("X-A: " + "v" * (size - 7) + "\r\n", "body"))


def framing():
    body = "0123456789"
    for name, value in {
        "right": "10", "too-small": "4", "zero": "0", "too-large": "15", "leading-zeros": "0010", "plus": "+10",
        "minus": "-10", "minus-zero": "-0", "underscore": "1_0", "hex": "0xa", "float": "10.0", "letters": "abc",
        "letters-behind": "10abc", "empty": "", "blanks": "  10  ", "inner-blank": "1 0",
        "list-equal": "10, 10", "list-different": "10, 11", "list-trailing-comma": "10,", "huge": "9" * 25,
        "beyond-64-bits": "18446744073709551626", "quoted": "\"10\"", "semicolon": "10;",
    }.items():
        row(f"length/{name}", response(f"Content-Length: {value}\r\n", body))
    for name, lines in {
        "twice-equal": "Content-Length: 10\r\nContent-Length: 10\r\n",
        "twice-different": "Content-Length: 10\r\nContent-Length: 11\r\n",
        "twice-different-but-same-number": "Content-Length: 10\r\nContent-Length: 010\r\n",
        "good-then-bad": "Content-Length: 10\r\nContent-Length: x\r\n",
        "bad-then-good": "Content-Length: x\r\nContent-Length: 10\r\n", "lower-case": "content-length: 10\r\n",
        "three-equal": "Content-Length: 10\r\nContent-Length: 10, 10\r\n",
    }.items():
        row(f"length/{name}", response(lines, body))
    for length in (0, 1, 10):
        row(f"length/keep-{length}", sized("", "x" * length), end="keep")
    row("length/large", sized("", "0123456789" * 4000))
    row("length/cut-at-once", response("Content-Length: 10\r\n"))
    row("length/cut-in-the-middle", response("Content-Length: 10\r\n", "01234"))
    row("length/cut-and-silence", response("Content-Length: 10\r\n", "01234"), end="keep")
    row("length/no-body-and-silence", response("Content-Length: 10\r\n"), end="keep")
    row("length/junk-behind", response("Content-Length: 10\r\n", body + "junk"), end="keep")
    row("length/answer-behind", sized("", body) + sized("", "second"), end="keep")
    row("until-close/body", response("", body))
    row("until-close/empty", response(""))
    row("until-close/large", response("", "0123456789" * 4000))
    row("until-close/http-1.0", response("", body, status="HTTP/1.0 200 OK"))
    row("until-close/connection-close", response("Connection: close\r\n", body))
    row("until-close/keep-alive-said", response("Connection: keep-alive\r\n", body))
    row("until-close/silence", response("", body), end="keep")
    for method, status in (("HEAD", 200), ("GET", 204), ("GET", 304), ("HEAD", 404), ("HEAD", 302), ("GET", 205)):
        for name, lines in {
            "nothing": "", "length-0": "Content-Length: 0\r\n", "length-10": "Content-Length: 10\r\n",
            "chunked": "Transfer-Encoding: chunked\r\n", "both": "Transfer-Encoding: chunked\r\nContent-Length: 10\r\n",
            "coding": "Content-Encoding: gzip\r\nContent-Length: 20\r\n",
        }.items():
            ends = "close" if status == 205 or name == "nothing" else "keep"
            if status == 205 and name in ("chunked", "both", "coding"):
                continue
            row(f"bodiless/{method}-{status}-{name}", response(lines, status=f"HTTP/1.1 {status} X"), method=method, end=ends)
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        row(f"bodiless/{method}-has-one", sized("", body), method=method)
    row("bodiless/HEAD-with-body", sized("", body), method="HEAD")
    row("bodiless/204-with-body", response("", body, status="HTTP/1.1 204 No"))
    row("bodiless/304-with-body", response("Content-Length: 10\r\n", body, status="HTTP/1.1 304 No"))


def chunked():
    head = "Transfer-Encoding: chunked\r\n"

    def chunk(name, body, lines=head, **more):
        row(f"chunked/{name}", response(lines, body), **more)

    good = {
        "one": "5\r\nhello\r\n0\r\n\r\n", "two": "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "empty": "0\r\n\r\n",
        "upper-case-hex": "A\r\n0123456789\r\n0\r\n\r\n", "lower-case-hex": "a\r\n0123456789\r\n0\r\n\r\n",
        "leading-zeros": "0005\r\nhello\r\n0\r\n\r\n", "many-zeros": "0" * 30 + "5\r\nhello\r\n0\r\n\r\n",
        "last-many-zeros": "5\r\nhello\r\n000\r\n\r\n",
        "extension": "5;a=b\r\nhello\r\n0\r\n\r\n", "extension-quoted": "5;a=\"b;c\"\r\nhello\r\n0;x\r\n\r\n",
        "extension-blank": "5 ; a\r\nhello\r\n0\r\n\r\n", "extension-empty": "5;\r\nhello\r\n0\r\n\r\n",
        "trailer": "5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
        "trailers": "5\r\nhello\r\n0\r\nX-T: 1\r\nContent-Length: 3\r\n\r\n",
        "trailer-odd": "5\r\nhello\r\n0\r\nnonsense\r\n\r\n",
        "crlf-in-data": "4\r\n\r\n\r\n\r\n0\r\n\r\n", "looks-like-chunks": "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
        "blank-behind-size": "5 \r\nhello\r\n0\r\n\r\n", "tab-behind-size": "5\t\r\nhello\r\n0\r\n\r\n",
    }
    for name, body in good.items():
        chunk(name, body, end="keep")
    chunk("large", chunks(b"0123456789" * 4000, 4096), end="keep")
    chunk("many-small", chunks(b"x" * 500, 1), end="keep")
    for name, body in {
        "blank-before-size": " 5\r\nhello\r\n0\r\n\r\n", "size-0x": "0x5\r\nhello\r\n0\r\n\r\n",
        "size-plus": "+5\r\nhello\r\n0\r\n\r\n", "size-minus": "-5\r\nhello\r\n0\r\n\r\n",
        "size-underscore": "0_5\r\nhello\r\n0\r\n\r\n", "size-letters": "zz\r\nhello\r\n0\r\n\r\n",
        "size-empty": "\r\nhello\r\n0\r\n\r\n", "size-extension-only": ";a\r\nhello\r\n0\r\n\r\n",
        "size-too-large": "F" * 17 + "\r\nhello\r\n0\r\n\r\n", "size-64-bits": "F" * 16 + "\r\nhello\r\n0\r\n\r\n",
        "size-63-bits": "7" + "F" * 15 + "\r\nhello\r\n0\r\n\r\n",
        "size-inner-blank": "1 0\r\n0123456789abcdef\r\n0\r\n\r\n", "size-comma": "5,\r\nhello\r\n0\r\n\r\n",
        "size-not-ascii": "\xb5\r\nhello\r\n0\r\n\r\n", "size-with-h": "5h\r\nhello\r\n0\r\n\r\n",
        "second-size-bad": "5\r\nhello\r\nzz\r\n", "data-too-long": "3\r\nhello\r\n0\r\n\r\n",
        "data-too-short": "7\r\nhello\r\n0\r\n\r\n", "no-crlf-behind-data": "5\r\nhello0\r\n\r\n",
        "lf-only": "5\nhello\n0\n\n", "lf-behind-size": "5\nhello\r\n0\r\n\r\n",
        "lf-behind-data": "5\r\nhello\n0\r\n\r\n", "cr-only": "5\rhello\r0\r\r", "not-chunked": "hello world",
        "cut-at-once": "", "cut-in-size": "5", "cut-behind-size": "5\r\n", "cut-in-data": "5\r\nhel",
        "cut-behind-data": "5\r\nhello", "cut-behind-chunk": "5\r\nhello\r\n", "cut-in-last": "5\r\nhello\r\n0",
        "cut-behind-last": "5\r\nhello\r\n0\r\n", "cut-in-trailer": "5\r\nhello\r\n0\r\nX-T",
        "cut-behind-trailer": "5\r\nhello\r\n0\r\nX-T: 1\r\n", "cut-before-last-lf": "5\r\nhello\r\n0\r\n\r",
        "size-line-long": "5;" + "e" * 60000 + "\r\nhello\r\n0\r\n\r\n",
        "size-line-too-long": "5;" + "e" * 70000 + "\r\nhello\r\n0\r\n\r\n",
        "trailer-too-long": "5\r\nhello\r\n0\r\nX: " + "t" * 70000 + "\r\n\r\n",
    }.items():
        chunk(name, body)
    chunk("silence-behind-chunk", "5\r\nhello\r\n", end="keep")
    chunk("silence-behind-last", "5\r\nhello\r\n0\r\n", end="keep")
    chunk("junk-behind", "5\r\nhello\r\n0\r\n\r\njunk", end="keep")
    body = "5\r\nhello\r\n0\r\n\r\n"
    for name, lines in {
        "case": "transfer-encoding: CHUNKED\r\n", "blanks": "Transfer-Encoding:   chunked  \r\n",
        "with-length": head + "Content-Length: 5\r\n", "with-length-first": "Content-Length: 15\r\n" + head,
        "twice": head + head, "list-twice": "Transfer-Encoding: chunked, chunked\r\n",
        "identity": "Transfer-Encoding: identity\r\n",
        "identity-and-length": "Transfer-Encoding: identity\r\nContent-Length: 15\r\n",
        "unknown": "Transfer-Encoding: foo\r\n", "unknown-first": "Transfer-Encoding: foo, chunked\r\n",
        "chunked-first": "Transfer-Encoding: chunked, foo\r\n", "empty": "Transfer-Encoding:\r\n",
        "quoted": "Transfer-Encoding: \"chunked\"\r\n", "xchunked": "Transfer-Encoding: xchunked\r\n",
        "parameter": "Transfer-Encoding: chunked;q=1\r\n", "list-blank": "Transfer-Encoding: , chunked\r\n",
        "two-headers": "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "vertical-tab": "Transfer-Encoding: \x0bchunked\r\n",
    }.items():
        chunk(f"header-{name}", body, lines)
    row("chunked/http-1.0", response(head, body, status="HTTP/1.0 200 OK"))
    zipped = chunks(gzip.compress(b"zipped", mtime=0))
    row("chunked/header-gzip-chunked", response("Transfer-Encoding: gzip, chunked\r\n", zipped))


PLAIN = b"The quick brown fox jumps over the lazy dog. " * 40


def raw_deflate(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


PACK = {
    "gzip": lambda data: gzip.compress(data, mtime=0), "deflate": zlib.compress, "br": brotli.compress,
    "zstd": zstd.compress,
    "raw-deflate": raw_deflate, "x-gzip": lambda data: gzip.compress(data, mtime=0),
}


def needs(*codings):
    found = sorted({coding for coding in codings if coding in ("br", "zstd")})
    return {"needs": found} if found else {}


def codings():
    for kind, pack in PACK.items():
        coding = "deflate" if kind == "raw-deflate" else kind
        header = f"Content-Encoding: {coding}\r\n"
        packed = pack(PLAIN)
        middle = len(packed) // 2
        bodies = {
            "good": packed, "empty": b"", "of-nothing": pack(b""),
            "not-packed": b"this is plain text, not packed at all", "cut-early": packed[:5],
            "cut-in-the-middle": packed[:middle], "cut-before-the-end": packed[:-1],
            "corrupt": packed[:middle] + bytes(byte ^ 0x5A for byte in packed[middle:middle + 8]) + packed[middle + 8:],
            "corrupt-end": packed[:-2] + bytes(byte ^ 0xFF for byte in packed[-2:]),
            "junk-behind": packed + b"junk behind", "zeros-behind": packed + b"\0" * 16,
            "twice": packed + pack(b"second member"),
        }
        for name, body in bodies.items():
            both = name in ("good", "empty", "cut-in-the-middle", "corrupt", "junk-behind")
            for way in ("length", "chunked") if both else ("length",):
                row(f"coding/{kind}-{name}-{way}", framed(way, header, body), **needs(coding))
        row(f"coding/{kind}-good-close", framed("close", header, packed), **needs(coding))
        row(f"coding/{kind}-large", sized(header, pack(bytes(range(256)) * 1000)), **needs(coding))
        row(f"coding/{kind}-head", response(header + "Content-Length: 20\r\n"), method="HEAD", end="keep", **needs(coding))
        short = f"{header}Content-Length: {len(packed) + 5}\r\n"
        row(f"coding/{kind}-short-of-length", response(short, packed), **needs(coding))
        row(f"coding/{kind}-upper-case", sized(f"Content-Encoding: {coding.upper()}\r\n", packed), **needs(coding))
    stack = ("gzip", "deflate", "br", "zstd")
    for inner in stack:
        for outer in stack:
            packed = PACK[outer](PACK[inner](PLAIN))
            row(f"coding/stack-{inner}-{outer}", sized(f"Content-Encoding: {inner}, {outer}\r\n", packed), **needs(inner, outer))
    z = PACK["gzip"]
    for name, value, body in (
        ("none", "", PLAIN), ("identity", "identity", PLAIN), ("unknown", "foo", PLAIN),
        ("blanks", "  gzip  ", z(PLAIN)), ("three", "gzip, deflate, gzip", z(PACK["deflate"](z(PLAIN)))),
        ("no-blank-in-list", "gzip,deflate", PACK["deflate"](z(PLAIN))),
        ("five", "gzip, gzip, gzip, gzip, gzip", z(z(z(z(z(PLAIN)))))),
        ("six", "gzip, gzip, gzip, gzip, gzip, gzip", z(z(z(z(z(z(PLAIN))))))),
        ("identity-then-gzip", "identity, gzip", z(PLAIN)), ("gzip-then-identity", "gzip, identity", z(PLAIN)),
        ("unknown-then-gzip", "foo, gzip", z(PLAIN)), ("gzip-then-unknown", "gzip, foo", z(PLAIN)),
        ("trailing-comma", "gzip,", z(PLAIN)), ("leading-comma", ", gzip", z(PLAIN)), ("only-comma", ",", PLAIN),
        ("parameter", "gzip;q=1", z(PLAIN)),
        ("stack-inner-corrupt", "gzip, deflate", zlib.compress(b"not gzip at all")),
        ("stack-outer-cut", "gzip, deflate", zlib.compress(z(PLAIN))[:-6]), ("compress", "compress", PLAIN),
        ("star", "*", PLAIN), ("quoted", "\"gzip\"", z(PLAIN)), ("x-deflate", "x-deflate", zlib.compress(PLAIN)),
    ):
        row(f"coding/header-{name}", sized(f"Content-Encoding: {value}\r\n", body))
    row("coding/header-twice", sized("Content-Encoding: gzip\r\nContent-Encoding: deflate\r\n", PACK["deflate"](z(PLAIN))))
    row("coding/gzip-with-name-and-comment", sized("Content-Encoding: gzip\r\n", gzip_with_fields()))
    row("coding/gzip-bad-crc", sized("Content-Encoding: gzip\r\n", z(PLAIN)[:-8] + b"\0\0\0\0" + z(PLAIN)[-4:]))
    row("coding/gzip-bad-size", sized("Content-Encoding: gzip\r\n", z(PLAIN)[:-4] + b"\0\0\0\0"))
    row("coding/gzip-reserved-flags", sized("Content-Encoding: gzip\r\n", b"\x1f\x8b\x08\xe0" + z(PLAIN)[4:]))
    row("coding/gzip-bad-method", sized("Content-Encoding: gzip\r\n", b"\x1f\x8b\x07" + z(PLAIN)[3:]))
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    row("coding/zstd-skippable-frame", sized("Content-Encoding: zstd\r\n", skippable + zstd.compress(PLAIN)), **needs("zstd"))
    row("coding/gzip-error-status", sized("Content-Encoding: gzip\r\n", z(PLAIN), status="HTTP/1.1 500 Sorry"))
    row("coding/gzip-204", response("Content-Encoding: gzip\r\n", status="HTTP/1.1 204 No"), end="keep")
    row("coding/gzip-one-byte", sized("Content-Encoding: gzip\r\n", b"\x1f"))


def gzip_with_fields():
    plain = gzip.compress(PLAIN, mtime=0)
    return plain[:3] + b"\x1c" + plain[4:10] + b"\x04\0abcd" + b"name.txt\0" + b"a comment\0" + plain[10:]


def charsets():
    text = "Grüße, 日本 €"
    for name, kind, body in (
        ("none", None, "caf\xe9"), ("text-plain", "text/plain", "caf\xe9"),
        ("text-html", "text/html", "caf\xe9 \x80\x93"), ("text-upper-case", "TEXT/HTML", "caf\xe9"),
        ("in-the-middle", "application/text", "caf\xe9"), ("json", "application/json", "{\"a\": \"\xc3\xa9\"}"),
        ("json-latin-1", "application/json", "{\"a\": \"\xe9\"}"), ("problem-json", "application/problem+json", "{}"),
        ("json-upper-case", "application/JSON", "{}"), ("octet-stream", "application/octet-stream", "\x00\xff"),
        ("xml", "application/xml", "<a/>"), ("empty-type", "", "x"),
        ("utf-8", "text/plain; charset=utf-8", text.encode()),
        ("utf-8-upper-case", "text/plain; charset=UTF-8", text.encode()),
        ("utf8", "text/plain; charset=utf8", text.encode()), ("quoted", "text/plain; charset=\"utf-8\"", text.encode()),
        ("single-quoted", "text/plain; charset='utf-8'", text.encode()),
        ("name-upper-case", "text/plain; CHARSET=utf-8", text.encode()),
        ("no-blank", "text/plain;charset=utf-8", text.encode()),
        ("blanks-around-equals", "text/plain; charset = utf-8", text.encode()),
        ("other-parameter-first", "text/plain; format=flowed; charset=utf-8", text.encode()),
        ("twice", "text/plain; charset=latin-1; charset=utf-8", text.encode()),
        ("empty", "text/plain; charset=", text.encode()), ("without-value", "text/plain; charset", text.encode()),
        ("unknown", "text/plain; charset=klingon", text.encode()),
        ("trailing-semicolon", "text/plain; charset=utf-8;", text.encode()),
        ("two-types", "text/plain, text/html; charset=utf-8", text.encode()),
        ("on-json", "application/json; charset=iso-8859-1", "{\"a\": \"\xe9\"}"),
        ("on-octets", "application/octet-stream; charset=utf-8", text.encode()),
        ("bad-utf-8", "text/plain; charset=utf-8", b"a\xffb\xc3\x28c\xe2\x82"),
        ("utf-8-surrogate", "text/plain; charset=utf-8", b"\xed\xa0\x80"),
        ("utf-8-overlong", "text/plain; charset=utf-8", b"\xc0\xaf\xf5\x80"),
        ("utf-8-mark", "text/plain; charset=utf-8", "\ufeffx".encode()),
        ("utf-8-sig", "text/plain; charset=utf-8-sig", "\ufeffx".encode()),
        ("nul", "text/plain; charset=utf-8", b"a\0b"),
        ("iso-8859-1", "text/plain; charset=iso-8859-1", bytes(range(160, 256))),
        ("iso-8859-1-controls", "text/plain; charset=iso-8859-1", bytes(range(128, 160))),
        ("latin1", "text/plain; charset=latin1", b"\xe9\x80"),
        ("iso-8859-15", "text/plain; charset=iso-8859-15", b"\xa4\xe9"),
        ("windows-1252", "text/plain; charset=windows-1252", b"\x80\x93\xe9"),
        ("windows-1252-undefined", "text/plain; charset=windows-1252", b"\x81\x8d"),
        ("cp1252", "text/plain; charset=cp1252", b"\x80"),
        ("windows-1251", "text/plain; charset=windows-1251", "Привет".encode("cp1251")),
        ("koi8-r", "text/plain; charset=koi8-r", "Привет".encode("koi8-r")),
        ("ascii", "text/plain; charset=us-ascii", b"plain"),
        ("ascii-with-high-bytes", "text/plain; charset=us-ascii", b"caf\xe9"),
        ("shift-jis", "text/plain; charset=shift_jis", "日本語テスト".encode("shift_jis")),
        ("euc-jp", "text/plain; charset=euc-jp", "日本語".encode("euc-jp")),
        ("iso-2022-jp", "text/plain; charset=iso-2022-jp", "日本語".encode("iso-2022-jp")),
        ("gbk", "text/plain; charset=gbk", "中文".encode("gbk")),
        ("gb2312", "text/plain; charset=gb2312", "中文".encode("gb2312")),
        ("gb18030", "text/plain; charset=gb18030", "中文€".encode("gb18030")),
        ("big5", "text/plain; charset=big5", "中文".encode("big5")),
        ("euc-kr", "text/plain; charset=euc-kr", "한국어".encode("euc-kr")),
        ("utf-16", "text/plain; charset=utf-16", text.encode("utf-16")),
        ("utf-16le", "text/plain; charset=utf-16le", text.encode("utf-16-le")),
        ("utf-16be", "text/plain; charset=utf-16be", text.encode("utf-16-be")),
        ("utf-16-without-mark", "text/plain; charset=utf-16", "ab".encode("utf-16-le")),
        ("utf-16-big-mark", "text/plain; charset=utf-16", b"\xfe\xff\0a"),
        ("utf-16-odd", "text/plain; charset=utf-16le", b"a\0b"),
        ("utf-32", "text/plain; charset=utf-32", "ab€".encode("utf-32")),
        ("utf-7", "text/plain; charset=utf-7", b"a+AOk-b"), ("empty-body", "text/plain; charset=utf-8", b""),
        ("cp437", "text/plain; charset=cp437", b"\x81\x9c"), ("macroman", "text/plain; charset=macintosh", b"\x8e"),
        ("iso-8859-2", "text/plain; charset=iso-8859-2", b"\xb1\xe6"),
        ("iso-8859-9", "text/plain; charset=iso-8859-9", b"\xf0\xdd"),
        ("tis-620", "text/plain; charset=tis-620", b"\xa1\xa2"),
    ):
        row(f"charset/{name}", sized("" if kind is None else f"Content-Type: {kind}\r\n", body))
    row("charset/two-headers", sized("Content-Type: text/plain\r\nContent-Type: text/html; charset=utf-8\r\n", text.encode()))
    both = "Content-Type: text/plain; charset=utf-8\r\nContent-Encoding: gzip\r\n"
    row("charset/gzip-and-utf-8", sized(both, gzip.compress(text.encode(), mtime=0)))


# What petition does otherwise, on purpose (all names that begin so, where there is a *).
DIFFERS = {
    "a head cut off by a closed connection is a broken connection": [
        "head/cut-in-reason", "head/cut-before-lf", "head/cut-after-line", "head/cut-in-name", "head/cut-in-value",
        "head/cut-in-length", "head/cut-after-header", "head/cut-before-last-lf",
    ],
    "every 1xx but 101 is skipped": ["interim/102*", "interim/103*", "interim/199*", "interim/100-then-102"],
    "empty lines before the status line are skipped": [
        "head/leading-crlf", "head/leading-lf", "head/leading-two-crlf", "head/only-crlf-and-silence",
    ],
    "http/1.1 in lower case is accepted": ["status/lower-case", "status/mixed-case"],
    "a status code is three digits behind one blank; what else Python's split and int let through is refused": [
        "status/code-0200", "status/code-plus", "status/code-underscore", "status/leading-blank",
    ],
    "a control byte in a head is refused; a bare CR would make a second header": [
        "status/nul-in-reason", "status/bare-cr", "headers/control-in-name", "headers/bare-cr-in-value",
        "headers/cr-cr-lf", "headers/nul-in-value", "headers/control-in-value", "headers/del-in-value",
        "headers/vertical-tab", "headers/form-feed", "headers/file-separator", "chunked/header-vertical-tab",
    ],
    "limits are on the whole head: 256 KiB and 256 lines, unless the adapter says otherwise": [
        "status/reason-too-long", "headers/count-100", "headers/count-150", "headers/line-65538",
        "headers/line-100000",
    ],
    "blanks around header values are trimmed": [
        "headers/many-blanks", "headers/tabs", "length/blanks", "chunked/header-blanks", "coding/header-blanks",
    ],
    "a folded line becomes one blank": ["headers/fold-empty", "headers/fold-lf"],
    "one malformed header line never swallows the headers after it": [
        "headers/blank-before-colon", "headers/tab-before-colon", "headers/blank-in-name", "headers/no-colon",
        "headers/no-colon-last", "headers/non-ascii-name", "headers/status-line-again",
    ],
    "a Content-Length is digits only, and fits 64 bits": [
        "length/plus", "length/underscore", "length/minus-zero", "length/huge", "length/beyond-64-bits",
    ],
    "differing Content-Lengths are refused": ["length/good-then-bad", "length/bad-then-good"],
    "Transfer-Encoding and Content-Length together are refused": [
        "chunked/header-with-length", "chunked/header-with-length-first", "chunked/header-identity-and-length",
    ],
    "a read timeout in the body is ReadTimeout": [
        "length/cut-and-silence", "length/no-body-and-silence", "until-close/silence", "chunked/silence-behind-chunk",
        "chunked/silence-behind-last",
    ],
    "204 and 304 have no body, whatever the headers say": [
        "bodiless/GET-204-chunked", "bodiless/GET-204-both", "bodiless/GET-304-chunked", "bodiless/GET-304-both",
    ],
    "a chunk size is hex digits only": [
        "chunked/blank-before-size", "chunked/size-0x", "chunked/size-plus", "chunked/size-minus",
        "chunked/size-underscore",
    ],
    "a chunk size cut off by a closed connection may be any size": ["chunked/cut-in-last"],
    "LF alone ends a line": ["chunked/lf-only", "chunked/lf-behind-data"],
    "a truncated body is ContentDecodingError": [
        "coding/gzip-cut-*", "coding/x-gzip-cut-*", "coding/deflate-cut-*", "coding/raw-deflate-cut-*",
        "coding/br-cut-*", "coding/zstd-cut-*-length", "coding/raw-deflate-corrupt-end-length",
        "coding/header-stack-outer-cut", "coding/gzip-one-byte",
    ],
    "junk behind a complete body is ignored for every coding": [
        "coding/br-junk-behind*", "coding/br-zeros-behind*", "coding/br-twice*", "coding/zstd-junk-behind*",
        "coding/zstd-zeros-behind*",
    ],
    "an empty body is empty, whatever its coding and its framing": ["coding/zstd-empty-chunked"],
    "identity and nothing in a list of codings are no-ops, an unknown one leaves the body as it came": [
        "coding/header-identity-then-gzip", "coding/header-gzip-then-identity", "coding/header-unknown-then-gzip",
        "coding/header-gzip-then-unknown", "coding/header-trailing-comma", "coding/header-leading-comma",
    ],
    "charsets are those of the WHATWG, and their tables": [
        "charset/windows-1252-undefined", "charset/utf-7", "charset/cp437",
    ],
    "a byte order mark is no part of the text": ["charset/utf-8-mark"],
}

# Where one of the two waits for what does not come: the read timeout then, in seconds.
WAITS = [
    "head/*-and-silence", "length/cut-and-silence", "length/no-body-and-silence", "until-close/silence",
    "bodiless/*-chunked", "bodiless/*-both", "chunked/silence-*",
]
WAIT = 0.25


def found(pattern):
    names = [name for name in ROWS if fnmatch.fnmatchcase(name, pattern)]
    assert names, pattern
    return names


def main():
    for make in (status_lines, interim, header_lines, framing, chunked, codings, charsets):
        make()
    for reason, patterns in DIFFERS.items():
        for name in {name for pattern in patterns for name in found(pattern)}:
            assert "differs" not in ROWS[name], name
            ROWS[name]["differs"] = reason
    for name in {name for pattern in WAITS for name in found(pattern)}:
        ROWS[name]["timeout"] = WAIT
    for value in ROWS.values():
        sys.stdout.write(json.dumps(value) + "\n")


if __name__ == "__main__":
    main()
