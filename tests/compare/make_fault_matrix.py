"""Writes tests/compare/fault_matrix.jsonl: what requests 2.34.2 does on each fault, by request and Retry.

    python tests/compare/make_fault_matrix.py > tests/compare/fault_matrix.jsonl

The first line has the Retry settings by name. A row: `fault`; `times`: how often it comes ("always", or 1: then the server
answers); `retry`: the setting's name; `requests`: those that it was the same for; and what came of it: `outcome` (a status
or an exception), `bodies` (the lengths of the request bodies that the server read, in order), `connections` (how many they
came over), `sleeps` (seconds, in order). tests/compare/faults.rs makes the same faults for petition.
"""

import io
import json
import queue
import socket
import struct
import sys
import threading
import time
import types

import requests
import urllib3.util.retry
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

RETRIES = {
    "none": 0,
    "int 2": 2,
    "total 2, back-off": {"total": 2, "backoff_factor": 0.5},
    "connect only": {"total": 2, "read": False, "other": 0, "respect_retry_after_header": False},
    "forced, any method": {"total": 3, "status_forcelist": [429, 500, 503], "allowed_methods": None, "backoff_factor": 1},
    "forced, returned": {"total": 1, "status_forcelist": [500, 503], "raise_on_status": False},
    "no Retry-After": {"total": 2, "status_forcelist": [503], "respect_retry_after_header": False, "backoff_factor": 0.25, "backoff_max": 0.3},
    "disabled": {"total": False},
    "by kind": {"total": None, "connect": 1, "read": 1, "status": 1, "other": 0, "status_forcelist": [500], "backoff_factor": 0.1},
    "read 0": {"total": 3, "read": 0, "connect": 2, "status": 2, "status_forcelist": [500, 503]},
    "POST alone": {"total": 2, "allowed_methods": ["POST"], "status_forcelist": [500]},
}

REQUESTS = ["GET", "POST bytes", "POST file", "POST once", "PUT bytes", "PUT file", "PUT once"]

# Faults of connecting come always; the server is not there to do otherwise.
CONNECTING = ["refused", "unroutable"]
ANSWERING = [
    "silent", "closed before", "reset before", "cut head", "reset in head", "truncated body", "reset in body",
    "garbage",
    "500", "500 after 1", "503", "503 after 1", "503 after 0", "503 after soon", "429", "429 after 1",
]

HALF_HEAD = b"HTTP/1.1 200 OK\r\nContent-Le"
HALF_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234"
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Does job n's fault to the requests for /n."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        number = 0
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client, number), daemon=True).start()
            number += 1

    def serve(self, client, number):
        stream = client.makefile("rb")
        while True:
            try:
                request = read_request(stream)
            except OSError:
                request = None
            if request is None:
                break
            target, length = request
            job = self.jobs[int(target[1:])]
            with self.lock:
                job["bodies"].append(length)
                job["seen"].add(number)
                times = len(job["bodies"])
            if job["times"] != "always" and times > job["times"]:
                client.sendall(GOOD)
            elif not fail(client, job["fault"]):
                break
        stream.close()
        client.close()


def read_request(stream):
    """The target and the length of the body, chunks taken off; None at the end."""
    line = stream.readline()
    if not line:
        return None
    headers = {}
    while (header := stream.readline().strip()):
        name, value = header.split(b":", 1)
        headers[name.lower()] = value.strip()
    length = int(headers.get(b"content-length", 0))
    stream.read(length)
    if b"transfer-encoding" in headers:
        while (size := int(stream.readline(), 16)):
            length += len(stream.read(size))
            stream.readline()
        stream.readline()
    return line.split()[1].decode(), length


def fail(client, fault):
    """Does it; whether the connection stays."""
    if fault == "silent":
        client.recv(1)
    elif fault == "cut head":
        client.sendall(HALF_HEAD)
    elif fault == "truncated body":
        client.sendall(HALF_BODY)
    elif fault == "garbage":
        client.sendall(b"this is not HTTP\r\n\r\n")
    elif fault.startswith("reset"):
        client.sendall({"reset before": b"", "reset in head": HALF_HEAD, "reset in body": HALF_BODY}[fault])
        if fault == "reset in body":
            wait_until_read(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    elif fault[0].isdigit():
        status, _, after = fault.partition(" after ")
        header = f"Retry-After: {after}\r\n" if after else ""
        client.sendall(f"HTTP/1.1 {status} Sorry\r\n{header}Content-Length: 5\r\n\r\nsorry".encode())
        return True
    return False


def wait_until_read(client):
    """Until the other end has read everything: a reset throws away what it has not."""
    (_, port), (_, peer) = client.getsockname(), client.getpeername()
    ends = f":{peer:04X}", f":{port:04X}"
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        with open("/proc/net/tcp", encoding="ascii") as table:
            rows = [line.split() for line in table]
        queues = [row[4] for row in rows if row[1].endswith(ends[0]) and row[2].endswith(ends[1])]
        if not queues or all(int(own.split(":")[1], 16) == 0 for own in queues):
            return
        time.sleep(0.001)


def refused():
    """A port that is taken, where nobody listens."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    return taken


def unroutable():
    """A listener that drops every connection, as its queue is full."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    queued = []
    while True:
        client = socket.socket()
        client.settimeout(0.2)
        queued.append(client)
        try:
            client.connect(listener.getsockname())
        except TimeoutError:
            return listener, queued


SLEPT = threading.local()


def perform(job, url):
    method, _, body = job["request"].partition(" ")
    data = {
        "": None,
        "bytes": b"0123456789",
        "file": io.BytesIO(b"xx0123456789"),
        "once": (item for item in (b"01234", b"56789")),
    }[body]
    if body == "file":
        data.seek(2)
    setting = RETRIES[job["retry"]]
    session = requests.Session()
    session.trust_env = False
    session.mount("http://", HTTPAdapter(max_retries=Retry(**setting) if isinstance(setting, dict) else setting))
    SLEPT.seconds = job["sleeps"]
    connect = 0.15 if job["fault"] == "unroutable" else 5
    read = 5 if job["fault"] != "silent" else 0.15 if job["times"] == "always" else 0.5
    try:
        response = session.request(method, url(job), data=data, timeout=(connect, read))
        job["outcome"] = str(response.status_code)
    except Exception as error:
        module = type(error).__module__.split(".")[0]
        job["outcome"] = type(error).__name__ if module == "requests" else f"{module}.{type(error).__name__}"
    session.close()


def main():
    urllib3.util.retry.time = types.SimpleNamespace(sleep=lambda seconds: SLEPT.seconds.append(seconds), time=time.time)
    faults = [(fault, "always") for fault in CONNECTING + ANSWERING] + [(fault, 1) for fault in ANSWERING]
    jobs = [
        {"fault": fault, "times": times, "retry": retry, "request": request, "bodies": [], "seen": set(), "sleeps": []}
        for fault, times in faults for retry in RETRIES for request in REQUESTS
    ]
    for number, job in enumerate(jobs):
        job["number"] = number
    server, nobody, (full, queued) = Server(jobs), refused(), unroutable()
    ports = {"refused": nobody.getsockname()[1], "unroutable": full.getsockname()[1]}

    def url(job):
        return f"http://127.0.0.1:{ports.get(job['fault'], server.port)}/{job['number']}"

    todo = queue.SimpleQueue()
    for job in jobs:
        todo.put(job)

    def work():
        while True:
            try:
                perform(todo.get_nowait(), url)
            except queue.Empty:
                return

    workers = [threading.Thread(target=work) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    del queued

    print(json.dumps({"retries": RETRIES}))
    rows = {}
    for job in jobs:
        came = {"outcome": job["outcome"], "bodies": job["bodies"], "connections": len(job["seen"]), "sleeps": job["sleeps"]}
        key = json.dumps({name: job[name] for name in ("fault", "times", "retry")}), json.dumps(came)
        rows.setdefault(key, []).append(job["request"])
    for (what, came), names in rows.items():
        print(json.dumps({**json.loads(what), "requests": names, **json.loads(came)}))


if __name__ == "__main__":
    main()
    sys.stdout.flush()
