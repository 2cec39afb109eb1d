"""Scripted origin / proxy / SOCKS servers (raw sockets, threads, loopback only).

A server is described by a JSON object; see SERVER in the README. Nothing here
knows HTTP beyond what is needed to find the end of a request.
"""
import base64
import email.utils
import hashlib
import itertools
import os
import re
import socket
import ssl
import struct
import threading
import time

LINGER0 = struct.pack("ii", 1, 0)
_port_lock = threading.Lock()
_port_iter = None


def set_port_range(lo, hi, start=0):
    global _port_iter
    start = lo + start % (hi - lo)
    _port_iter = itertools.cycle([*range(start, hi), *range(lo, start)])


def _family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bind_any(host):
    """Bind a socket on a free five-digit port of our range."""
    global _port_iter
    if _port_iter is None:
        set_port_range(20000, 32000)
    addrs = ["127.0.0.1"] if host == "localhost" else [host]
    for _ in range(6000):
        with _port_lock:
            port = next(_port_iter)
        socks = []
        try:
            for a in addrs:
                s = socket.socket(_family(a), socket.SOCK_STREAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind((a, port))
                socks.append(s)
            return socks[0], port
        except OSError:
            for s in socks:
                s.close()
    raise RuntimeError("no free port")


class Gone(Exception):
    """the peer went away"""


class Stop(Exception):
    """script ended the connection"""


class Hub:
    """State shared by all the servers of one scenario."""

    def __init__(self, subst, certs):
        self.subst = subst
        self.certs = certs
        self.cv = threading.Condition()
        self.signals = {}
        self.barriers = {}
        self.stopping = False
        self.servers = {}
        self.dates = {}

    def signal(self, name):
        with self.cv:
            self.signals[name] = self.signals.get(name, 0) + 1
            self.cv.notify_all()

    def wait(self, name, timeout=8.0, n=1):
        with self.cv:
            return self.cv.wait_for(
                lambda: self.stopping or self.signals.get(name, 0) >= n, timeout)

    def barrier(self, name, n, timeout=3.0):
        """Wait until n arrivals (cumulative groups of n)."""
        with self.cv:
            c = self.barriers[name] = self.barriers.get(name, 0) + 1
            need = ((c - 1) // n + 1) * n
            self.cv.notify_all()
            self.cv.wait_for(
                lambda: self.stopping or self.barriers[name] >= need, timeout)

    def bytes_of(self, s):
        """latin-1 text with ${...} placeholders -> bytes"""
        return self.expand(s).encode("latin-1")

    def expand(self, s):
        if "${" not in s:
            return s

        def rep(m):
            k = m.group(1)
            if k.startswith("date"):
                d = email.utils.formatdate(time.time() + float(k[4:] or 0), usegmt=True)
                self.dates[d] = "<DATE" + k[4:] + ">"
                return d
            if k in self.subst:
                return self.subst[k]
            return m.group(0)
        return re.sub(r"\$\{([^}]*)\}", rep, s)


class Conn:
    def __init__(self, server, sock, index):
        self.server = server
        self.sock = sock
        self.index = index
        self.buf = b""
        self.rec = {"requests": []}
        self.open = True
        self.ended_by = None
        self.tls = False
        self.last = None
        self.sock.settimeout(12)

    # -- reading ---------------------------------------------------------
    def fill(self):
        try:
            d = self.sock.recv(65536)
        except (OSError, ssl.SSLError, ValueError) as e:
            raise Gone(type(e).__name__)
        if not d:
            raise Gone("eof")
        self.buf += d

    def need(self, n):
        while len(self.buf) < n:
            self.fill()
        out, self.buf = self.buf[:n], self.buf[n:]
        return out

    def line(self):
        while b"\n" not in self.buf:
            self.fill()
        i = self.buf.index(b"\n") + 1
        out, self.buf = self.buf[:i], self.buf[i:]
        return out

    def read_head(self):
        raw = b""
        lines = []
        while True:
            ln = self.line()
            raw += ln
            if ln in (b"\r\n", b"\n"):
                if lines:
                    break
                continue
            lines.append(ln.rstrip(b"\r\n").decode("latin-1"))
        hdrs = []
        for ln in lines[1:]:
            k, sep, v = ln.partition(":")
            hdrs.append([k, v[1:] if v.startswith(" ") else v] if sep else [ln])
        req = {"line": lines[0], "headers": hdrs}
        if raw.count(b"\n") != raw.count(b"\r\n"):
            req["bare_lf"] = True
        self.last = req
        self.rec["requests"].append(req)
        self.server.note()
        return req

    @staticmethod
    def hget(req, name):
        return [h[1] for h in req["headers"] if len(h) == 2 and h[0].lower() == name]

    def read_body(self, req):
        te = ",".join(self.hget(req, "transfer-encoding")).lower()
        cl = self.hget(req, "content-length")
        body = b""
        try:
            if "chunked" in te:
                req["chunks"] = []
                while True:
                    n = int(self.line().split(b";")[0].strip(), 16)
                    if n == 0:
                        tr = []
                        while True:
                            ln = self.line()
                            if ln in (b"\r\n", b"\n"):
                                break
                            tr.append(ln.decode("latin-1").strip())
                        if tr:
                            req["trailers"] = tr
                        break
                    body += self.need(n)
                    req["chunks"].append(n)
                    self.need(2)
            elif cl:
                body = self.need(int(cl[0]))
        except Gone:
            req["truncated"] = True
            body += self.buf
            self.buf = b""
            self.set_body(req, body)
            raise
        self.set_body(req, body)

    @staticmethod
    def set_body(req, body):
        if not body:
            return
        req["body_raw"] = body

    def request(self):
        r = self.read_head()
        self.read_body(r)
        return r

    # -- writing ---------------------------------------------------------
    def send(self, data):
        try:
            self.sock.sendall(data)
        except (OSError, ssl.SSLError, ValueError) as e:
            raise Gone(type(e).__name__)

    def close(self, reset=False):
        if not self.open:
            return
        self.open = False
        s = self.sock
        try:
            if reset:
                raw = s
                if isinstance(s, ssl.SSLSocket):
                    raw = socket.socket(fileno=s.detach())
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER0)
                raw.close()
                return
            if isinstance(s, ssl.SSLSocket):
                try:
                    s.settimeout(0.5)
                    s.unwrap()
                except (OSError, ValueError):
                    pass
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()
        except OSError:
            pass

    def starttls(self, profile):
        ctx = self.server.tls_context(profile)
        try:
            self.sock = ctx.wrap_socket(self.sock, server_side=True)
            self.tls = True
            peer = self.sock.getpeercert()
            if peer:
                self.rec["client_cert"] = dict(x[0] for x in peer["subject"]).get("commonName")
        except (OSError, ssl.SSLError) as e:
            self.rec["tls_error"] = True
            raise Gone("tls " + str(e))

    # -- scripting -------------------------------------------------------
    def run(self, steps):
        hub = self.server.hub
        for st in steps:
            if hub.stopping:
                raise Stop
            if isinstance(st, str):
                st = {st: True}
            (op, v), = ((k, v) for k, v in st.items() if k not in ("n", "delay", "size", "timeout"))
            if op == "recv":
                if v == "head":
                    self.read_head()
                elif v == "body":
                    self.read_body(self.last)
                elif isinstance(v, int):
                    self.need(v)
                else:
                    self.request()
            elif op == "send":
                self.send(hub.bytes_of(v))
            elif op == "send_b64":
                self.send(base64.b64decode(v))
            elif op == "send_rep":
                self.send(v[0].encode("latin-1") * v[1])
            elif op == "trickle":
                data = hub.bytes_of(v)
                size = st.get("size", 1)
                for i in range(0, len(data), size):
                    self.send(data[i:i + size])
                    time.sleep(st.get("delay", 0.005))
            elif op == "sleep":
                t = time.time() + v
                while time.time() < t and not hub.stopping:
                    time.sleep(min(0.05, max(0.0, t - time.time())))
            elif op == "reset":
                self.ended_by = "server"
                self.close(reset=True)
                raise Stop
            elif op == "close":
                self.ended_by = "server"
                self.close()
                raise Stop
            elif op == "shutwr":
                try:
                    self.sock.shutdown(socket.SHUT_WR)
                except OSError as e:
                    raise Gone(str(e))
            elif op == "hang":
                end = time.time() + (v if not isinstance(v, bool) else 10)
                self.sock.settimeout(0.05)
                while time.time() < end and not hub.stopping:
                    try:
                        if not self.sock.recv(65536):
                            raise Gone("eof")
                    except (socket.timeout, ssl.SSLWantReadError):
                        pass
                    except OSError as e:
                        raise Gone(type(e).__name__)
                self.sock.settimeout(12)
            elif op == "barrier":
                hub.barrier(v, st.get("n", 2), st.get("timeout", 3.0))
            elif op == "wait":
                hub.wait(v, st.get("timeout", 8.0))
            elif op == "signal":
                hub.signal(v)
            elif op == "starttls":
                self.starttls(v)
            elif op == "echo":
                self.echo()
            elif op == "reflect_line":
                b = (self.last["line"] + "\n").encode("latin-1")
                self.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n" % len(b) + b)
            elif op == "serve":
                self.serve()
            else:
                raise RuntimeError("unknown server op " + op)

    def echo(self):
        """Reply with the request head as text/plain."""
        r = self.last
        t = r["line"] + "\n" + "".join(": ".join(h) + "\n" for h in r["headers"])
        b = t.encode("latin-1")
        self.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Length: %d\r\n\r\n" % len(b) + b)

    def serve(self):
        while True:
            r = self.request()
            self.run(self.server.pick(r))

    def main(self):
        srv = self.server
        try:
            if srv.kind == "socks":
                self.socks()
            if srv.spec.get("tls"):
                self.starttls(srv.spec["tls"])
            conns = srv.spec.get("conns")
            if conns and self.index < len(conns):
                self.run(conns[self.index])
            elif conns and srv.spec.get("repeat"):
                self.run(conns[-1])
            elif srv.routes:
                self.serve()
        except Gone as e:
            self.ended_by = self.ended_by or "client"
        except Stop:
            pass
        except Exception as e:
            self.rec["server_error"] = f"{type(e).__name__}: {e}"
        finally:
            self.close()
            srv.note()

    # -- SOCKS front (acts as the origin itself afterwards) ----------------
    def socks(self):
        cfg = self.server.spec.get("socks", {})
        info = {}
        self.rec["socks"] = info
        ver = self.need(1)[0]
        info["ver"] = ver
        if ver == 4:
            cmd, port = struct.unpack(">BH", self.need(3))
            ip = self.need(4)

            def zstr():
                b = b""
                while True:
                    c = self.need(1)
                    if c == b"\0":
                        return b.decode("latin-1")
                    b += c
            info["user"] = zstr()
            if ip[:3] == b"\0\0\0" and ip[3]:
                info["atyp"] = "domain"
                info["host"] = zstr()
            else:
                info["atyp"] = "ipv4"
                info["host"] = socket.inet_ntoa(ip)
            info["port"] = port
            code = cfg.get("reply", 0)
            self.send(struct.pack(">BBH4s", 0, 90 if code == 0 else code, 0, b"\0\0\0\0"))
            if code:
                raise Stop
            return
        n = self.need(1)[0]
        methods = list(self.need(n))
        info["methods"] = sorted(methods)
        if cfg.get("auth"):
            if 2 not in methods:
                self.send(b"\x05\xff")
                raise Stop
            self.send(b"\x05\x02")
            self.need(1)
            u = self.need(self.need(1)[0]).decode("latin-1")
            p = self.need(self.need(1)[0]).decode("latin-1")
            info["auth"] = [u, p]
            ok = [u, p] == cfg["auth"]
            self.send(b"\x01" + (b"\0" if ok else b"\1"))
            if not ok:
                raise Stop
        elif cfg.get("no_methods"):
            self.send(b"\x05\xff")
            raise Stop
        else:
            self.send(b"\x05\0")
        _, cmd, _, at = self.need(4)
        if at == 1:
            info["atyp"] = "ipv4"
            info["host"] = socket.inet_ntoa(self.need(4))
        elif at == 3:
            info["atyp"] = "domain"
            info["host"] = self.need(self.need(1)[0]).decode("latin-1")
        elif at == 4:
            info["atyp"] = "ipv6"
            info["host"] = socket.inet_ntop(socket.AF_INET6, self.need(16))
        info["port"] = struct.unpack(">H", self.need(2))[0]
        code = cfg.get("reply", 0)
        self.send(b"\x05" + bytes([code]) + b"\0\x01\0\0\0\0\0\0")
        if code:
            raise Stop


class Server:
    def __init__(self, name, spec, hub):
        self.name = name
        self.spec = spec
        self.hub = hub
        self.kind = spec.get("kind", "origin")
        self.host = spec.get("host", "127.0.0.1")
        self.routes = spec.get("routes") or {}
        self.hits = {}
        self.conns = []
        self.lock = threading.Lock()
        self.sock, self.port = bind_any(self.host)
        self.fillers = []
        self.thread = None

    def urlhost(self):
        h = self.spec.get("name") or self.host
        return f"[{h}]" if ":" in h else h

    def note(self):
        with self.hub.cv:
            self.hub.cv.notify_all()

    def tls_context(self, profile):
        if isinstance(profile, str):
            profile = {"cert": profile}
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c = profile["cert"]
        ctx.load_cert_chain(os.path.join(self.hub.certs, c + ".pem"),
                            os.path.join(self.hub.certs, c + ".key"))
        if profile.get("client_ca"):
            ctx.load_verify_locations(os.path.join(self.hub.certs, profile["client_ca"] + ".pem"))
            ctx.verify_mode = ssl.CERT_REQUIRED
        if profile.get("max") == "1.2":
            ctx.maximum_version = ssl.TLSVersion.TLSv1_2
        if profile.get("min") == "1.3":
            ctx.minimum_version = ssl.TLSVersion.TLSv1_3
        if profile.get("old"):
            ctx.set_ciphers("ALL:@SECLEVEL=0")
            ctx.minimum_version = ssl.TLSVersion.TLSv1
            ctx.maximum_version = ssl.TLSVersion.TLSv1_1
        if profile.get("alpn"):
            ctx.set_alpn_protocols(profile["alpn"])
        return ctx

    def start(self):
        if self.kind == "refuse":
            return          # bound, never listening
        if self.kind == "blackhole":
            self.sock.listen(0)
            for _ in range(64):
                s = socket.socket(_family(self.host), socket.SOCK_STREAM)
                s.setblocking(False)
                s.connect_ex((self.host, self.port))
                self.fillers.append(s)
                time.sleep(0.001)
            time.sleep(0.05)
            return
        self.sock.listen(128)
        self.thread = threading.Thread(target=self.accept_loop, daemon=True)
        self.thread.start()

    def accept_loop(self):
        maxc = self.spec.get("max_accept")
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                c = Conn(self, s, len(self.conns))
                self.conns.append(c)
            threading.Thread(target=c.main, daemon=True).start()
            if maxc and len(self.conns) >= maxc:
                self.sock.close()
                return

    def pick(self, req):
        parts = req["line"].split(" ")
        method = parts[0]
        target = parts[1] if len(parts) > 1 else ""
        path = target
        m = re.match(r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*", path)
        if m:
            path = path[m.end():] or "/"
        pathq = path
        path = path.split("?")[0]
        key = None
        for k in (f"{method} {pathq}", pathq, f"{method} {path}", path, f"{method} *"):
            if k in self.routes:
                key = k
                break
        else:
            for k in self.routes:
                if k.startswith("~") and re.search(k[1:], target):
                    key = k
                    break
            else:
                key = "*" if "*" in self.routes else None
        if key is None:
            return [{"send": "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nX-Unrouted: 1\r\n\r\n"}]
        with self.lock:
            n = self.hits.get(key, 0)
            self.hits[key] = n + 1
        seq = self.routes[key]
        if self.spec.get("cycle"):
            return seq[n % len(seq)]
        return seq[min(n, len(seq) - 1)]

    def state(self):
        with self.lock:
            return {"conns": len(self.conns),
                    "open": sum(1 for c in self.conns if c.open and c.ended_by is None),
                    "requests": sum(len(c.rec["requests"]) for c in self.conns)}

    def stop(self):
        for s in self.fillers:
            s.close()
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()

    def finish(self):
        with self.lock:
            cs = list(self.conns)
        for c in cs:
            c.close()

    def record(self):
        out = []
        for c in self.conns:
            rec = dict(c.rec)
            reqs = []
            for r in c.rec["requests"]:
                r = dict(r)
                b = r.pop("body_raw", None)
                if b is not None:
                    r["body"] = body_obs(b, r)
                reqs.append(r)
            rec["requests"] = reqs
            out.append(rec)
        return out


def body_obs(b, r=None):
    if r is not None:
        ct = [h[1] for h in r["headers"] if len(h) == 2 and h[0].lower() == "content-type"]
        m = re.search(r'boundary="?([^";]+)"?', ct[0]) if ct else None
        if m and ct[0].lower().startswith("multipart/"):
            bd = m.group(1)
            first = b.split(b"\r\n", 1)[0]
            if bd.encode("latin-1") not in b and first.startswith(b"--"):
                b = b.replace(first[2:], b"<UNANNOUNCED BOUNDARY>")
            r["multipart"] = True
            cl = Conn.hget(r, "content-length")
            for h in r["headers"]:
                if len(h) == 2 and h[0].lower() == "content-type":
                    h[1] = h[1].replace(bd, "<BOUNDARY>")
                if len(h) == 2 and h[0].lower() == "content-length" and "truncated" not in r:
                    h[1] = "<CL>" if int(h[1]) == len(b) else "<WRONG CL>"
            b = b.replace(bd.encode("latin-1"), b"<BOUNDARY>")
    if len(b) <= 1500:
        return b.decode("latin-1")
    return {"len": len(b), "sha": hashlib.sha256(b).hexdigest()[:16]}


class Control:
    """Line protocol for the client: 'state', 'signal NAME', 'wait NAME'."""

    def __init__(self, hub):
        self.hub = hub
        self.sock = socket.socket()
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(32)
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.loop, daemon=True).start()

    def loop(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        import json
        try:
            f = s.makefile("rw")
            cmd = f.readline().split()
            if cmd[0] == "state":
                time.sleep(0.08)
                # let things settle: two equal snapshots in a row
                last = None
                for _ in range(12):
                    cur = {k: v.state() for k, v in self.hub.servers.items() if v.kind in ("origin", "proxy", "socks")}
                    if cur == last:
                        break
                    last = cur
                    time.sleep(0.04)
                f.write(json.dumps(cur) + "\n")
            elif cmd[0] == "signal":
                self.hub.signal(cmd[1])
                f.write("{}\n")
            elif cmd[0] == "wait":
                ok = self.hub.wait(cmd[1], 5.0, int(cmd[2]) if len(cmd) > 2 else 1)
                f.write("true\n" if ok else "false\n")
            f.flush()
        except Exception:
            pass
        finally:
            try:
                s.close()
            except OSError:
                pass

    def stop(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()
