"""requests as a client: plays scenarios and prints what it observed, so that it can be recorded.

With --forkserver: one JSON line in, one JSON line out, each scenario in a forked child; without: one scenario."""
import base64
import hashlib
import io
import json
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
import warnings

import requests
import requests.adapters
import requests.auth
import urllib3
from urllib3.util.retry import Retry

warnings.simplefilter("ignore")

RESP_READS = ("content", "text", "json", "iter_content", "iter_lines", "read", "close", "raise_for_status", "len")


def b2s(v):
    """bytes spec -> bytes"""
    if isinstance(v, str):
        return v.encode("utf-8")
    if "latin1" in v:
        return v["latin1"].encode("latin-1")
    if "b64" in v:
        return base64.b64decode(v["b64"])
    if "rep" in v:
        return v["rep"][0].encode("latin-1") * v["rep"][1]
    raise ValueError(v)


def body_arg(d):
    if d is None:
        return None
    (k, v), = d.items()
    if k == "dict":
        return v
    if k == "form":
        return [tuple(x) for x in v]
    if k == "text":
        return v
    if k == "bytes":
        return b2s(v)
    if k == "iter":
        def gen():
            for x in v:
                yield b2s(x)
        return gen()
    if k == "file":
        return io.BytesIO(b2s(v))
    if k == "unseekable":
        class U(io.RawIOBase):
            def __init__(self, b):
                self.b = io.BytesIO(b)

            def readable(self):
                return True

            def read(self, n=-1):
                return self.b.read(n)
        return U(b2s(v))
    raise ValueError(k)


def params_arg(d):
    if d is None:
        return None
    (k, v), = d.items()
    if k == "pairs":
        return [tuple(x) for x in v]
    return v    # dict / raw


def files_arg(fs):
    if fs is None:
        return None
    out = []
    for f in fs:
        content = b2s(f["content"])
        if f.get("text"):
            content = content.decode("utf-8")
        elif f.get("stream"):
            content = io.BytesIO(content)
        t = [f.get("filename"), content]
        if "content_type" in f or "headers" in f:
            t.append(f.get("content_type"))
        if "headers" in f:
            t.append(dict(f["headers"]))
        out.append((f["field"], tuple(t)))
    return out


def auth_arg(a):
    if not a:
        return None
    (k, v), = a.items()
    if k == "basic":
        return requests.auth.HTTPBasicAuth(*v)
    if k == "digest":
        return requests.auth.HTTPDigestAuth(*v)
    if k == "proxy_basic":
        return requests.auth.HTTPProxyAuth(*v)
    raise ValueError(k)


def hdrs_arg(h):
    if h is None:
        return None
    return {k: v for k, v in h}


def retry_arg(r):
    if r is None:
        return 0
    if isinstance(r, (int, bool)):
        return r
    kw = dict(r)
    if "allowed_methods" in kw and kw["allowed_methods"] is not None:
        kw["allowed_methods"] = frozenset(kw["allowed_methods"])
    if "total" in kw and kw["total"] == "none":
        kw["total"] = None
    return Retry(**kw)


def adapter(a):
    kw = {k: a[k] for k in ("pool_connections", "pool_maxsize", "pool_block") if k in a}
    return requests.adapters.HTTPAdapter(max_retries=retry_arg(a.get("max_retries")), **kw)


def tmo(t):
    return tuple(t) if isinstance(t, list) else t


def cookie_list(jar):
    return sorted(([c.name, c.value, c.domain, c.path] for c in jar), key=lambda x: [str(y) for y in x])


def err_obs(e):
    inner = []
    cur = e
    seen = set()
    while cur is not None and id(cur) not in seen and len(inner) < 6:
        seen.add(id(cur))
        if cur is not e:
            inner.append(type(cur).__name__)
        nxt = getattr(cur, "reason", None)
        if not isinstance(nxt, BaseException):
            nxt = getattr(cur, "original_error", None)
        if not isinstance(nxt, BaseException):
            nxt = next((a for a in getattr(cur, "args", ()) if isinstance(a, BaseException)), None)
        cur = nxt
    mod = type(e).__module__.split(".")[0]
    name = type(e).__name__
    return {"class": name if mod == "requests" else f"{mod}.{name}", "inner": inner,
            "message": str(e)[:400]}


class Logs(logging.Handler):
    def __init__(self):
        super().__init__(logging.DEBUG)
        self.lines = []

    def emit(self, r):
        try:
            self.lines.append([r.levelname, r.getMessage()])
        except Exception as e:
            self.lines.append([r.levelname, "unformattable " + repr(r.msg)])


def finite(x):
    if isinstance(x, float) and (x != x or x in (float("inf"), float("-inf"))):
        return "<" + repr(x) + ">"
    if isinstance(x, list):
        return [finite(v) for v in x]
    if isinstance(x, dict):
        return {k: finite(v) for k, v in x.items()}
    return x


def octets(b):
    if len(b) <= 400:
        return {"len": len(b), "data": b.decode("latin-1")}
    return {"len": len(b), "sha": hashlib.sha256(b).hexdigest()[:16]}


class Runner:
    def __init__(self, sc):
        self.sc = sc
        self.responses = {}
        self.session = None
        self.sessions = {}

    # -- set-up ------------------------------------------------------------
    def make_session(self, cfg):
        s = requests.Session()
        self.apply(s, cfg or {})
        for m in (cfg or {}).get("mounts", self.sc.get("mounts") or []):
            s.mount(m["prefix"], adapter(m["adapter"]))
        return s

    def apply(self, s, cfg):
        for k, v in cfg.items():
            if k == "headers":
                for hk, hv in v:
                    if hv is None:
                        s.headers.pop(hk, None)
                    else:
                        s.headers[hk] = hv
            elif k == "params":
                s.params = params_arg(v)
            elif k == "auth":
                s.auth = auth_arg(v)
            elif k == "cookies":
                for c in v:
                    if len(c) == 2:
                        s.cookies.set(c[0], c[1])
                    else:
                        s.cookies.set(c[0], c[1], domain=c[2], path=c[3] if len(c) > 3 else "/")
            elif k == "proxies":
                s.proxies.update(v)
            elif k in ("verify", "max_redirects", "trust_env", "stream"):
                setattr(s, k, v)
            elif k == "cert":
                s.cert = tuple(v) if isinstance(v, list) else v
            elif k == "mounts":
                pass
            else:
                raise ValueError(k)

    # -- steps ---------------------------------------------------------------
    def run(self):
        cfg = self.sc.get("session", {})
        if cfg is not None:
            self.session = self.make_session(cfg)
        obs = [self.step(st) for st in self.sc["steps"]]
        return {"steps": obs}

    def step(self, st):
        op = st.get("op", "request")
        return getattr(self, "op_" + op)(st)

    def op_request(self, st):
        kw = {}
        for k in ("allow_redirects", "stream", "verify", "proxies", "json"):
            if k in st:
                kw[k] = st[k]
        if "cert" in st:
            kw["cert"] = tuple(st["cert"]) if isinstance(st["cert"], list) else st["cert"]
        if "timeout" in st:
            kw["timeout"] = tmo(st["timeout"])
        if "headers" in st:
            kw["headers"] = hdrs_arg(st["headers"])
        if "params" in st:
            kw["params"] = params_arg(st["params"])
        if "data" in st:
            kw["data"] = body_arg(st["data"])
        if "files" in st:
            kw["files"] = files_arg(st["files"])
        if "auth" in st:
            kw["auth"] = auth_arg(st["auth"])
        if "cookies" in st:
            kw["cookies"] = st["cookies"]
        method = st.get("method", "GET")
        url = st["url"]
        sess = self.sessions.get(st.get("session")) if st.get("session") else self.session
        t0 = time.monotonic()
        out = {}
        try:
            if st.get("via") == "verb":
                fn = getattr(sess if sess is not None else requests, method.lower())
                r = fn(url, **kw)
            else:
                fn = sess.request if sess is not None else requests.request
                r = fn(method, url, **kw)
            self.responses[st.get("id", "_")] = r
            out = self.resp_obs(r, st)
        except BaseException as e:
            if isinstance(e, (KeyboardInterrupt, SystemExit)):
                raise
            out = {"error": err_obs(e)}
            resp = getattr(e, "response", None)
            if resp is not None:
                out["error"]["status"] = resp.status_code
                out["error"]["history"] = len(resp.history)
        out["t"] = round(time.monotonic() - t0, 3)
        if sess is not None:
            out["jar"] = cookie_list(sess.cookies)
            if not out["jar"]:
                del out["jar"]
        return out

    def resp_obs(self, r, st):
        o = {"status": r.status_code, "reason": r.reason, "url": r.url,
             "headers": [[k, v] for k, v in r.headers.items()],
             "history": [[h.status_code, h.url] for h in r.history],
             "encoding": r.encoding}
        cl = cookie_list(r.cookies)
        if cl:
            o["cookies"] = cl
        if r.headers.get("link"):
            o["links"] = r.links
        if not (st.get("stream") or (self.session is not None and self.session.stream)) and not st.get("nobody"):
            o["body"] = self.body_obs(r)
            if st.get("json_result"):
                o["json"] = self.json_obs(r)
        return o

    def body_obs(self, r):
        o = octets(r.content)
        if r.encoding is not None or all(x < 128 for x in r.content):
            t = r.text
            if t.encode("latin-1", "replace") != r.content or any(ord(ch) > 127 for ch in t):
                o["text"] = t if len(t) < 400 else {"chars": len(t), "sha": hashlib.sha256(t.encode("utf-8", "surrogatepass")).hexdigest()[:16]}
        else:
            o["text_guessed"] = True
        return o

    def json_obs(self, r):
        try:
            return {"value": finite(r.json())}
        except Exception as e:
            return {"error": err_obs(e)}

    def op_read(self, st):
        r = self.responses.get(st.get("of", "_"))
        if r is None:
            return {"skipped": True}
        how = st["how"]
        t0 = time.monotonic()
        o = {}
        try:
            if how == "content":
                o["body"] = octets(r.content)
            elif how == "text":
                if "encoding" in st:
                    r.encoding = st["encoding"]
                o["text"] = r.text
            elif how == "json":
                o["json"] = finite(r.json())
            elif how == "iter_content":
                parts = []
                kw = {}
                if st.get("decode_unicode"):
                    kw["decode_unicode"] = True
                try:
                    for i, ch in enumerate(r.iter_content(st.get("size"), **kw)):
                        parts.append(ch)
                        if st.get("limit") and len(parts) >= st["limit"]:
                            break
                finally:
                    if parts and isinstance(parts[0], str):
                        o["texts"] = parts
                    else:
                        if st.get("sizes"):
                            o["sizes"] = [len(p) for p in parts]
                        o["body"] = octets(b"".join(parts))
            elif how == "iter_lines":
                lines = []
                kw = {}
                if "size" in st:
                    kw["chunk_size"] = st["size"]
                if "delimiter" in st:
                    kw["delimiter"] = st["delimiter"].encode("latin-1")
                if st.get("decode_unicode"):
                    kw["decode_unicode"] = True
                try:
                    for ln in r.iter_lines(**kw):
                        lines.append(ln if isinstance(ln, str) else ln.decode("latin-1"))
                        if st.get("limit") and len(lines) >= st["limit"]:
                            break
                finally:
                    o["lines"] = lines
            elif how == "raw_read":
                o["body"] = octets(r.raw.read(st["size"], decode_content=st.get("decode", False)))
            elif how == "close":
                r.close()
            elif how == "raise_for_status":
                r.raise_for_status()
            elif how == "info":
                o["ok"] = r.ok
                o["is_redirect"] = r.is_redirect
                o["is_permanent_redirect"] = r.is_permanent_redirect
                o["next"] = [r.next.method, r.next.url] if r.next is not None else None
            elif how == "header":
                o["value"] = r.headers.get(st["name"])
            else:
                raise ValueError(how)
        except Exception as e:
            o["error"] = err_obs(e)
        o["t"] = round(time.monotonic() - t0, 3)
        return o

    def op_sleep(self, st):
        time.sleep(st["s"])
        return {}

    def control(self, cmd):
        h, p = self.sc["control"].rsplit(":", 1)
        s = socket.create_connection((h, int(p)))
        s.sendall((cmd + "\n").encode())
        buf = b""
        while not buf.endswith(b"\n"):
            d = s.recv(65536)
            if not d:
                break
            buf += d
        s.close()
        return json.loads(buf)

    def op_state(self, st):
        import gc
        gc.collect()
        return {"state": self.control("state")}

    def op_signal(self, st):
        self.control("signal " + st["name"])
        return {}

    def op_wait(self, st):
        return {"ok": self.control("wait %s %d" % (st["name"], st.get("count", 1)))}

    def op_set(self, st):
        self.apply(self.session, st["session"])
        return {}

    def op_mount(self, st):
        self.session.mount(st["prefix"], adapter(st["adapter"]))
        return {}

    def op_close_session(self, st):
        self.session.close()
        return {}

    def op_new_session(self, st):
        self.sessions[st["name"]] = self.make_session(st.get("session"))
        return {}

    def op_clear_cookies(self, st):
        self.session.cookies.clear()
        return {}

    def op_drop(self, st):
        """forget a response (garbage collection in Python, drop in Rust)"""
        self.responses.pop(st.get("of", "_"), None)
        import gc
        gc.collect()
        return {}

    def op_parallel(self, st):
        outs = [None] * len(st["threads"])
        bar = threading.Barrier(len(st["threads"]))

        def go(i, steps):
            bar.wait()
            if st.get("stagger"):
                time.sleep(st["stagger"] * i)
            outs[i] = [self.step(x) for x in steps]
        ts = [threading.Thread(target=go, args=(i, x)) for i, x in enumerate(st["threads"])]
        t0 = time.monotonic()
        for t in ts:
            t.start()
        for t in ts:
            t.join()
        return {"threads": outs, "t": round(time.monotonic() - t0, 3)}


def guard():
    """Loopback only: any other destination is a scenario bug."""
    real = socket.socket.connect

    def connect(self, addr):
        if self.family in (socket.AF_INET, socket.AF_INET6):
            h = addr[0]
            if not (h.startswith("127.") or h in ("::1", "localhost")):
                raise OSError(101, "blocked: not loopback " + str(h))
        return real(self, addr)
    socket.socket.connect = connect


def run_one(sc):
    for k in list(os.environ):
        if k.lower().endswith("_proxy") or k in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC", "SSL_CERT_FILE"):
            del os.environ[k]
    os.environ.update(sc.get("env") or {})
    guard()
    logs = Logs()
    lg = logging.getLogger("urllib3")
    lg.setLevel(logging.DEBUG)
    lg.addHandler(logs)
    lg.propagate = False
    for n in ("requests", "charset_normalizer"):
        logging.getLogger(n).propagate = False
    caught = []
    warnings.simplefilter("always")
    warnings.showwarning = lambda m, c, *a, **k: caught.append(c.__name__)
    r = Runner(sc)
    obs = r.run()
    obs["logs"] = logs.lines
    w = [c for c in caught if c == "InsecureRequestWarning"]
    if w:
        obs["warnings"] = sorted(w)
    return obs


def forkserver():
    import idna  # noqa: preload
    import http.cookiejar  # noqa
    import charset_normalizer  # noqa
    import socks  # noqa
    import netrc  # noqa
    import urllib3.contrib.socks  # noqa
    for line in sys.stdin:
        sc = json.loads(line)
        r, w = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(r)
            try:
                out = run_one(sc)
            except BaseException as e:
                import traceback
                out = {"driver_error": traceback.format_exc()[-1500:]}
            with os.fdopen(w, "wb") as f:
                f.write(json.dumps(out).encode())
            os._exit(0)
        os.close(w)
        data = b""
        end = time.time() + sc.get("limit", 12)
        killed = False
        while True:
            left = end - time.time()
            if left <= 0:
                os.kill(pid, signal.SIGKILL)
                killed = True
                break
            rr, _, _ = select.select([r], [], [], left)
            if not rr:
                continue
            d = os.read(r, 1 << 20)
            if not d:
                break
            data += d
        os.close(r)
        os.waitpid(pid, 0)
        if killed or not data:
            data = json.dumps({"driver_error": "timeout" if killed else "died"}).encode()
        sys.stdout.write(data.decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if "--forkserver" in sys.argv:
        forkserver()
    else:
        print(json.dumps(run_one(json.load(sys.stdin)), indent=1))
