"""Plays one scenario: starts its servers, runs a client, and returns the observation without what differs by chance."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import certs as certs_mod
import server as S
from paths import LIB, NO_HOME


class PyClient:
    """requests itself, in a process that forks for each scenario"""

    def __init__(self, python):
        env = {"PATH": os.environ.get("PATH", ""), "HOME": NO_HOME,
               "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
        self.p = subprocess.Popen([python, os.path.join(LIB, "client_py.py"), "--forkserver"],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)

    def run(self, doc):
        self.p.stdin.write((json.dumps(doc) + "\n").encode())
        self.p.stdin.flush()
        line = self.p.stdout.readline()
        if not line:
            return {"driver_error": "fork server died"}
        return json.loads(line)


class CmdClient:
    """the driver: one process for each scenario, JSON on stdin and stdout"""

    def __init__(self, argv):
        self.argv = argv

    def run(self, doc):
        env = {"PATH": os.environ.get("PATH", ""), "HOME": NO_HOME,
               "LANG": "C.UTF-8", "RUST_BACKTRACE": "0"}
        env.update(doc.get("env") or {})
        try:
            p = subprocess.run(self.argv, input=json.dumps(doc).encode(), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=env, timeout=doc.get("limit", 12))
        except subprocess.TimeoutExpired:
            return {"driver_error": "timeout"}
        try:
            return json.loads(p.stdout)
        except ValueError:
            return {"driver_error": f"exit {p.returncode}: " + p.stderr.decode("utf-8", "replace")[-600:]}


def subst_walk(x, hub):
    if isinstance(x, str):
        return hub.expand(x)
    if isinstance(x, list):
        return [subst_walk(v, hub) for v in x]
    if isinstance(x, dict):
        return {hub.expand(k): subst_walk(v, hub) for k, v in x.items()}
    return x


def run_scenario(sc, client):
    certs = certs_mod.ensure()
    subst = {"certs": certs}
    hub = S.Hub(subst, certs)
    for name, spec in (sc.get("servers") or {}).items():
        srv = S.Server(name, spec, hub)
        hub.servers[name] = srv
        subst[name] = f"{srv.urlhost()}:{srv.port}"
        subst[name + ".port"] = str(srv.port)
        subst[name + ".host"] = srv.urlhost()
    for srv in hub.servers.values():
        srv.start()
    control = S.Control(hub)
    tmp = None
    subst_tmp = {}
    if sc.get("tmpfiles"):
        tmp = tempfile.mkdtemp(prefix="petition-conf-")
        subst["tmp"] = tmp
        for fn, content in sc["tmpfiles"].items():
            with open(os.path.join(tmp, fn), "wb") as f:
                f.write(hub.bytes_of(content))
            os.chmod(os.path.join(tmp, fn), 0o600)
        subst_tmp["tmp"] = tmp
    doc = {k: subst_walk(sc[k], hub) for k in ("session", "mounts", "env", "steps") if k in sc}
    doc["control"] = f"127.0.0.1:{control.port}"
    doc["limit"] = sc.get("limit", 12)
    doc["id"] = sc["id"]
    t0 = time.time()
    obs = client.run(doc)
    wall = time.time() - t0
    # let handlers see the client's end-of-file
    end = time.time() + 0.4
    while time.time() < end and any(s.state()["open"] for s in hub.servers.values()):
        time.sleep(0.004)
    hub.stopping = True
    with hub.cv:
        hub.cv.notify_all()
    for srv in hub.servers.values():
        srv.stop()
    control.stop()
    for srv in hub.servers.values():
        srv.finish()
    obs["server"] = {n: s.record() for n, s in hub.servers.items() if s.kind in ("origin", "proxy", "socks")}
    if tmp:
        shutil.rmtree(tmp, ignore_errors=True)
    norm = Normaliser(sc, hub, subst, tmp)
    obs = norm.walk(obs)
    norm.post(obs)
    obs["wall"] = round(wall, 3)
    return obs


class Normaliser:
    def __init__(self, sc, hub, subst, tmp):
        self.sc = sc
        self.pats = []
        for name, srv in hub.servers.items():
            p = str(srv.port)
            self.pats.append((re.compile(r"(?:(?<=:)|(?<=port=)|(?<=%3A)|(?<=%3a))" + p + r"(?!\d)"),
                              "${" + name + ".port}"))
        self.lits = [(subst["certs"], "${certs}")]
        if tmp:
            self.lits.append((tmp, "${tmp}"))
        self.lits += list(hub.dates.items())

    def s(self, x):
        for lit, rep in self.lits:
            if lit in x:
                x = x.replace(lit, rep)
        for pat, rep in self.pats:
            x = pat.sub(rep, x)
        x = re.sub(r"(?:python-requests|petition)/\d[\w.+-]*", "<UA>", x)
        x = re.sub(r" at 0x[0-9a-f]+", " at 0x", x)
        return x

    def walk(self, x):
        if isinstance(x, str):
            return self.s(x)
        if isinstance(x, list):
            return [self.walk(v) for v in x]
        if isinstance(x, dict):
            return {k: self.walk(v) for k, v in x.items()}
        return x

    def post(self, obs):
        for conns in obs["server"].values():
            for c in conns:
                for r in c["requests"]:
                    for h in r["headers"]:
                        if len(h) == 2 and h[0].lower() in ("authorization", "proxy-authorization") and h[1].lower().startswith("digest"):
                            h[1] = self.digest(h[1], r)
                        if len(h) == 2 and h[0].lower() == "retry-date":
                            h[1] = "<DATE>"
    def digest(self, v, r):
        """checks the response, then blanks what is random"""
        f = {}
        for m in re.finditer(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))', v[7:]):
            f[m.group(1)] = m.group(2) if m.group(2) is not None else m.group(3)
        user, pw = self.sc.get("digest", ["user", "pass"])
        alg = f.get("algorithm", "MD5").upper()
        fn = {"MD5": "md5", "MD5-SESS": "md5", "SHA": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"}.get(alg, "md5")

        def H(x):
            return hashlib.new(fn, x.encode("utf-8")).hexdigest()
        ok = "?"
        try:
            a1 = f"{f['username']}:{f['realm']}:{pw}"
            ha1 = H(a1)
            if alg == "MD5-SESS":
                ha1 = H(f"{ha1}:{f['nonce']}:{f.get('cnonce', '')}")
            ha2 = H(f"{r['line'].split(' ')[0]}:{f['uri']}")
            if "qop" in f:
                want = H(f"{ha1}:{f['nonce']}:{f['nc']}:{f['cnonce']}:{f['qop']}:{ha2}")
            else:
                want = H(f"{ha1}:{f['nonce']}:{ha2}")
            ok = "VALID" if want == f.get("response") else "INVALID"
        except KeyError as e:
            ok = "MISSING " + str(e)
        v = re.sub(r'cnonce="[^"]*"', 'cnonce="<CNONCE>"', v)
        v = re.sub(r'response="[^"]*"', 'response="<%s>"' % ok, v)
        return v
