#!/usr/bin/env python3
"""Records what urllib3's Retry does, as rows for `src/retry/grid.rs`: one JSON object a line.

    python3 retry_grid.py > retry_grid.jsonl        # needs urllib3 2.8.0; the output is the same on each run

Every row has `retry`, the arguments of the constructor, and one of:
  steps    one after another: an event, then either the Retry that came of it (`left`: total, connect, read, redirect,
           status, other; `backoff`: the seconds, with `draw` for chance) or how it ended (`exhausted` with the
           reason, null for the error itself, or `raises` for an error that came back as it was). `repr`, `history`
           (error, status, location) and `raise_on_redirect` are those of the last Retry
  asks     is_retry: of all METHODS and STATUSES, without and with Retry-After, those that are retried
  wait     parse_retry_after: [value, now, seconds or null for an error]
  sleeps   sleep: [events before it, Retry-After or null for an error, seconds slept]
  removes  remove_headers_on_redirect, sorted
"""

import itertools
import json
import random
import sys
import warnings
from unittest import mock

import urllib3
from urllib3 import HTTPConnectionPool, HTTPResponse
from urllib3.connection import HTTPConnection
from urllib3.exceptions import (
    ConnectTimeoutError, InvalidHeader, MaxRetryError, NameResolutionError, NewConnectionError, ProtocolError,
    ProxyError, ReadTimeoutError, SSLError,
)

assert urllib3.__version__ == "2.8.0", urllib3.__version__
warnings.simplefilter("ignore")  # an empty allowed_methods is deprecated; it is recorded all the same

POOL, CONNECTION = HTTPConnectionPool("h"), HTTPConnection("h")
ERRORS = {
    "connect": ConnectTimeoutError(CONNECTION, "timed out"),
    "new-connection": NewConnectionError(CONNECTION, "refused"),
    "resolve": NameResolutionError("h", CONNECTION, OSError("unknown")),
    "proxy-connect": ProxyError("no proxy", ConnectTimeoutError(CONNECTION, "timed out")),
    "read": ReadTimeoutError(POOL, "/", "timed out"),
    "protocol": ProtocolError("Connection aborted."),
    "ssl": SSLError("bad certificate"),
    "proxy-other": ProxyError("no tunnel", OSError("refused")),
}
METHODS, STATUSES = ["GET", "POST", "get", "post"], [200, 302, 413, 429, 500, 503]
COUNTS = ["total", "connect", "read", "redirect", "status", "other"]
UNSET = object()
NOW = 1700000000.0  # Tue, 14 Nov 2023 22:13:20 GMT


class Retry(urllib3.Retry):
    """Keeps the last value that was asked whether it is exhausted: a MaxRetryError does not carry it."""

    last = None

    def is_exhausted(self):
        Retry.last = self
        return super().is_exhausted()


def increment(retry, method, event):
    kind, _, status = event.partition(":")
    if kind in ERRORS:
        return retry.increment(method, "/path", error=ERRORS[kind])
    headers = {"Location": "/next"} if kind == "redirect" else {}
    return retry.increment(method, "/path", response=HTTPResponse(status=int(status), headers=headers))


def entry(past):
    error = next((name for name, error in ERRORS.items() if error is past.error), None)
    return [error, past.status, past.redirect_location]


def steps(settings, method, events, draw=0.0):
    retry, out, row = Retry(**settings), [], {"retry": settings, "method": method}
    last = retry
    for event in events:
        try:
            last = retry = increment(retry, method, event)
        except MaxRetryError as end:
            reason = None if end.reason in ERRORS.values() else str(end.reason)
            last = Retry.last
            out.append({"event": event, "exhausted": True, "reason": reason})
            break
        except tuple(type(error) for error in ERRORS.values()):
            out.append({"event": event, "raises": True})
            break
        with mock.patch("random.random", lambda: draw):
            backoff = retry.get_backoff_time()
        out.append({"event": event, "left": [getattr(retry, name) for name in COUNTS], "backoff": backoff})
    history = [entry(past) for past in last.history]
    row |= {"draw": draw, "steps": out, "repr": repr(last), "history": history}
    return row | {"raise_on_redirect": last.raise_on_redirect}


def asks(settings):
    retry = Retry(**settings)
    cases = itertools.product(METHODS, STATUSES, [False, True])
    return {"retry": settings, "asks": [[*case] for case in cases if retry.is_retry(*case)]}


def wait(settings, value, now):
    with mock.patch("time.time", lambda: now):
        try:
            seconds = Retry(**settings).parse_retry_after(value)
        except InvalidHeader:
            seconds = None
    return {"retry": settings, "wait": [value, now, seconds]}


def sleeps(settings, events, retry_after, draw=0.0):
    retry, slept = Retry(**settings), []
    for event in events:
        retry = increment(retry, "GET", event)
    response = None if retry_after is None else HTTPResponse(status=503, headers={"Retry-After": retry_after})
    with mock.patch("random.random", lambda: draw), mock.patch("time.time", lambda: NOW):
        with mock.patch("time.sleep", slept.append):
            retry.sleep(response)
    return {"retry": settings, "draw": draw, "sleeps": [events, retry_after, sum(slept)]}


def all_rows():
    one_of_each = ["connect", "read", "ssl", "status:503", "redirect:302"]
    # each count at each value, against each cause, until it ends
    for name, value in itertools.product(COUNTS, [0, 1, 2, None, False]):
        for event, method in itertools.product(one_of_each, ["GET", "POST"]):
            settings = {"total": 3} | {name: value}
            yield steps(settings, method, [event] * 4)
    # each cause alone, by the defaults
    redirects = [f"redirect:{status}" for status in [300, 301, 303, 304, 307, 308, 500]]
    for event in [*ERRORS, "status:413", "status:500", *redirects]:
        for method in ["GET", "PUT", "POST"]:
            yield steps({}, method, [event] * 3)
    # back-off: factor, cap and jitter, with a redirect that starts it again
    for factor, cap, jitter in itertools.product([0, 0.1, 0.3, 1, 2.5], [0, 0.25, 5, UNSET], [0, 0.5]):
        settings = {"backoff_factor": factor, "backoff_jitter": jitter, "total": None}
        if cap is not UNSET:
            settings["backoff_max"] = cap
        yield steps(settings, "GET", ["status:500"] * 3 + ["redirect:301"] + ["connect"] * 4, draw=0.25)
    # chance, but the same each time
    chance = random.Random(20240229)
    choices = {
        "total": [0, 1, 2, 3, 5, 10, None, False], "connect": [0, 1, 3, None, False], "read": [0, 1, 3, None, False],
        "redirect": [0, 1, 3, None, False], "status": [0, 1, 3, None, False], "other": [0, 1, 3, None, False],
        "allowed_methods": [None, [], ["POST"], ["post"], ["GET", "POST"]], "backoff_factor": [0.2, 1],
        "backoff_max": [1.5, 60], "backoff_jitter": [0.3], "raise_on_redirect": [False], "raise_on_status": [False],
        "status_forcelist": [[500], [429, 503]],
    }
    events = [*ERRORS, *(f"status:{status}" for status in [429, 500, 503])]
    events += [f"redirect:{status}" for status in [301, 302, 308, 300]]
    for _ in range(500):
        settings = {name: chance.choice(choices[name]) for name in choices if chance.random() < 0.3}
        draw = chance.choice([0.0, 0.5, 0.75])
        method = chance.choice(["GET", "GET", "POST", "DELETE", "get", "PATCH"])
        yield steps(settings, method, chance.choices(events, k=chance.randint(2, 7)), draw)
    # is_retry
    for total, allowed, listed, respect in itertools.product(
        [0, 3, None, False], [UNSET, None, [], ["POST"], ["post"]], [UNSET, [500], [302, 429]], [True, False]
    ):
        settings = {"total": total, "respect_retry_after_header": respect}
        settings |= {} if allowed is UNSET else {"allowed_methods": allowed}
        settings |= {} if listed is UNSET else {"status_forcelist": listed}
        yield asks(settings)
    # Retry-After
    values = [
        "0", "1", "00012", "120", " 3 ", "\t7", "21600", "21601", "99999999999999999999", "", " ", "-1",
        "+5", "1.5", "1e3", "0x10",
        "abc", "1 2", "5s", "\u0665",
        "Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:30 GMT", "Tue, 14 Nov 2023 22:13:10 GMT",
        "Tuesday, 14-Nov-23 22:14:20 GMT", "Tue Nov 14 22:14:20 2023", "Tue Nov  7 22:14:20 2023",
        "Tue Nov 14 22:14:20 GMT 2023",
        "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
        "14 Nov 2023 22:14:20", "14 Nov 2023 22:14", "14-Nov-2023 22:14:20 GMT", "14-Nov-2023 22:14:20",
        "Tue,14 Nov 2023 22:14:20 Z",
        "tue, 14 nov 2023 22:14:20 gmt", "Tue, 14 November 2023 22:14:20 UTC", "Nov 14, 2023, 22:14:20 GMT",
        "Tue, 14 Nov 23 22:14:20 GMT", "Tue, 14 Nov 69 22:14:20 GMT", "Tue, 14 Nov 68 22:14:20 GMT",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Wed, 31 Dec 1969 23:59:59 GMT", "Thu, 29 Feb 2024 00:00:00 GMT", "Fri, 31 Feb 2023 00:00:00 GMT",
        "Tue, 14 Nov 2023 23:14:20 +0100", "Tue, 14 Nov 2023 23:14:20+0100", "Tue, 14 Nov 2023 16:44:20 -0530",
        "Tue, 14 Nov 2023 22:14:20 -0000", "Tue, 14 Nov 2023 22:14:20 +0000", "Tue, 14 Nov 2023 17:14:20 EST",
        "Tue, 14 Nov 2023 18:14:20 EDT", "Tue, 14 Nov 2023 14:14:20 PST (Pacific)", "Tue, 14 Nov 2023 15:14:20 PDT",
        "Tue, 14 Nov 2023 16:14:20 CST", "Tue, 14 Nov 2023 16:14:20 MDT", "Tue, 14 Nov 2023 22:14:20 CET",
        "Mon, 14 Nov 2023 22:14:20 GMT", "Tue, 14 Nov 2023 24:00:00 GMT", "Tue, 14 Nov 2023 22:14:60 GMT",
        "Tue, 14 Nov 2023", "14 Nov 22:14:20 GMT", "Mon, 99 Foo 2099 00:00:00 GMT", "2023-11-14T22:14:20Z",
        "2023-11-14 22:14:20 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT", "Tue,", "Tue", "GMT", "Nov", "14 Nov",
        "14 Nov 2023 22:14:20:00 GMT", "14 Nov 2023 22h14 GMT",
    ]
    for value, (limit, now) in itertools.product(values, [(UNSET, NOW), (60, NOW + 0.25)]):
        yield wait({} if limit is UNSET else {"retry_after_max": limit}, value, now)
    # sleep
    for events, retry_after, respect, factor in itertools.product(
        [["status:503"], ["status:503"] * 3, ["connect", "read"], ["status:503", "status:503", "redirect:307"]],
        [None, "0", "2", "30", "Tue, 14 Nov 2023 22:13:30 GMT", "Tue, 14 Nov 2023 22:13:10 GMT"],
        [True, False],
        [0, 0.5],
    ):
        settings = {"backoff_factor": factor, "backoff_jitter": 0.25, "retry_after_max": 20}
        settings["respect_retry_after_header"] = respect
        yield sleeps(settings, events, retry_after, draw=0.5)
    for names in [UNSET, [], ["X-Secret"], ["AUTHORIZATION", "x-Key"]]:
        settings = {} if names is UNSET else {"remove_headers_on_redirect": names}
        yield {"retry": settings, "removes": sorted(Retry(**settings).remove_headers_on_redirect)}


if __name__ == "__main__":
    for row in all_rows():
        sys.stdout.write(json.dumps(row, separators=(",", ":")) + "\n")
