"""Compares what a client did with what requests did in the same scenario."""
import json
import re


def sent_cookies(obs, names):
    """per server: sorted [host, path, Cookie header]"""
    out = {}
    for n in names:
        rows = []
        for c in obs.get("server", {}).get(n, []):
            for r in c["requests"]:
                h = {x[0].lower(): x[1] for x in r["headers"] if len(x) == 2}
                path = re.sub(r"^[a-z]+://[^/?]*", "", (r["line"].split(" ") + [""])[1]).split("?")[0] or "/"
                rows.append([h.get("host", "").lower().split(":")[0], path, h.get("cookie")])
        out[n] = sorted(rows, key=str)
    return out


def at(obs, path):
    cur = obs
    for x in path.strip("/").split("/"):
        try:
            cur = cur[int(x)] if isinstance(cur, list) else cur[x]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    return cur


def holds(c, got):
    """one condition of a deviation's `expect`"""
    steps = got.get("steps") or []
    if "any" in c:
        return any(all(holds(x, got) for x in alt) for alt in c["any"])
    if "requests" in c:
        name, n = c["requests"]
        return sum(len(x["requests"]) for x in got.get("server", {}).get(name, [])) == n
    if "last_status" in c:
        st = [s for s in steps if s and "status" in s]
        return bool(st) and st[-1]["status"] == c["last_status"]
    if "path" in c:
        v = at(got, c["path"])
        return c["contains"] in (v or []) if "contains" in c else v == c["value"]
    st = steps[c["step"]] if c["step"] < len(steps) else None
    if not st:
        return False
    hd = {h[0].lower(): h[1] for h in st.get("headers") or []}
    if "error" in c:
        return (st.get("error") or {}).get("class") in c["error"]
    if "status" in c:
        return st.get("status") == c["status"]
    if "status_in" in c:
        return st.get("status") in c["status_in"]
    if "data" in c:
        return (st.get("body") or {}).get("data") == c["data"]
    if "header" in c:
        return hd.get(c["header"][0].lower()) == c["header"][1]
    if "header_any" in c:
        return any(n.lower() in hd for n in c["header_any"])
    if "header_trimmed" in c:
        v = hd.get(c["header_trimmed"].lower())
        return v is not None and v == v.strip()
    raise ValueError(c)


# where the lines belong that users of urllib3 know; what a client logs elsewhere is its own affair
LOG_TARGETS = re.compile(r"::(connectionpool|retry)$")


def known_lines(lines, exp):
    """without targets, and without lines of other targets that requests does not have"""
    want = {tuple(x[:2]) for x in exp or []}
    return [x[:2] for x in lines or [] if len(x) < 3 or LOG_TARGETS.search(x[2]) or tuple(x[:2]) in want]


def norm_logs(lines, sc, allow):
    out = []
    for lvl, msg in lines or []:
        if msg.startswith("Converted retries value"):
            if "log-converted" in allow:
                continue
        if msg.startswith("Incremented Retry"):
            if "log-incremented" in allow:
                continue
        if "log-cause" in allow:
            msg = re.sub(r"after connection broken by '.*': ", "after connection broken by '*': ", msg)
            if msg.startswith("Failed to parse headers"):
                msg = "Failed to parse headers *"
        out.append(f"{lvl} {msg}")
    if has_parallel(sc):
        out.sort()
    return out


def has_parallel(sc):
    return any(s.get("op") == "parallel" for s in sc["steps"])


def json_spelling(r):
    """a JSON body without its white space: members in order, and a Content-Length that was right for it"""
    ctype = next((h[1] for h in r.get("headers", []) if len(h) == 2 and h[0].lower() == "content-type"), "")
    body = r.get("body")
    if not ctype.startswith("application/json") or not isinstance(body, str):
        return
    try:
        r["body"] = {"json": json.loads(body, object_pairs_hook=lambda pairs: [list(p) for p in pairs] or {})}
    except ValueError:
        return
    size = str(len(body.encode("latin-1", "replace")))
    for h in r["headers"]:
        if len(h) == 2 and h[0].lower() == "content-length" and h[1] == size:
            h[1] = "<LEN>"


def norm_req(r, sc, allow):
    r = json.loads(json.dumps(r))
    if "json-spelling" in allow:
        json_spelling(r)
    connect = "connect-form" in allow and r.get("line", "").startswith("CONNECT ")
    if connect:
        # CPython up to 3.11 says HTTP/1.0 and sends no Host; later ones, and RFC 9110, say HTTP/1.1 with Host
        r["line"] = re.sub(r"HTTP/1\.0$", "HTTP/1.1", r["line"])
    hs = []
    for h in r.get("headers", []):
        if len(h) == 2:
            n = h[0].lower()
            if connect and n == "host" and h[1] == r["line"].split(" ")[1]:
                continue
            if n == "user-agent" and "user-agent" in allow and (h[1] == "<UA>"):
                h = [h[0], "<UA>"]
            if n == "accept-encoding" and "accept-encoding" in allow and not sc.get("keep_ae"):
                h = [h[0], "<AE>"]
        hs.append(h)
    if "header-order" not in sc.get("strict", []):
        hs.sort(key=lambda h: [str(x).lower() for x in h])
    r["headers"] = hs
    return r


def norm_server(srv, sc, allow):
    out = {}
    for name, conns in srv.items():
        cs = []
        for c in conns:
            c = {k: v for k, v in c.items() if k not in ("server_error",)}
            c["requests"] = [norm_req(r, sc, allow) for r in c["requests"]]
            cs.append(c)
        if has_parallel(sc):
            if sc.get("count_only"):
                # which request went over which connection is a race
                allr = sorted((r for c in cs for r in c["requests"]), key=lambda r: json.dumps(r))
                cs = {"connections": len(cs), "requests": allr}
            else:
                cs.sort(key=lambda c: json.dumps(c, sort_keys=True))
        out[name] = cs
    return out


SOFT_ERR = ("message", "inner")
# exceptions of Python or urllib3 that escape from requests -> what stands for them
EQUIV = {
    "builtins.OSError": ["OSError", "SSLError", "InvalidCertificate"],
    "builtins.ValueError": ["ValueError", "InvalidURL", "InvalidHeader", "InvalidMethod", "InvalidTimeout", "InvalidArgument"],
    "builtins.RuntimeError": ["StreamConsumedError"],
    "builtins.UnicodeEncodeError": ["InvalidHeader", "UnicodeError"],
    "builtins.UnicodeDecodeError": ["InvalidURL", "InvalidHeader"],
    "urllib3.LocationParseError": ["InvalidURL"],
    "urllib3.NewConnectionError": ["ConnectionError"],
    "urllib3.UnrewindableBodyError": ["UnrewindableBodyError"],
}


def cmp(path, e, g, out):
    if isinstance(e, dict) and isinstance(g, dict):
        for k in sorted(set(e) | set(g)):
            if k in ("t", "wall", "warnings"):
                continue
            if k in SOFT_ERR and path.endswith("error"):
                continue
            if k not in e:
                out.append((f"{path}/{k}", "<absent>", g[k]))
            elif k not in g:
                out.append((f"{path}/{k}", e[k], "<absent>"))
            else:
                cmp(f"{path}/{k}", e[k], g[k], out)
    elif isinstance(e, list) and isinstance(g, list):
        if len(e) != len(g):
            out.append((path, e, g))
            return
        for i, (a, b) in enumerate(zip(e, g)):
            cmp(f"{path}/{i}", a, b, out)
    elif e != g:
        if path.endswith("error/class") and g in EQUIV.get(e, ()):
            return
        out.append((path, e, g))


def plain_domain(d):
    """Python's jar writes a dot before a Domain attribute and .local after a name without dots"""
    d = d.lstrip(".")
    return d[:-6] if d.endswith(".local") and "." not in d[:-6] else d


def norm_steps(steps, sc, allow):
    out = []
    for s in steps or []:
        if s is None:
            out.append(None)
            continue
        s = json.loads(json.dumps(s))
        if "threads" in s:
            s["threads"] = [norm_steps(t, sc, allow) for t in s["threads"]]
        if "headers" in s and isinstance(s["headers"], list):
            s["headers"].sort(key=lambda h: [str(x).lower() for x in h])
        if "body" in s and "text-guess" in allow:
            s["body"].pop("text_guessed", None)
        if "cookie-domain" in allow:
            for k in ("jar", "cookies"):
                if isinstance(s.get(k), list):
                    s[k] = sorted([c[0], c[1], plain_domain(c[2]), *c[3:]] for c in s[k])
        out.append(s)
    return out


ALLOW = {"user-agent", "accept-encoding", "log-converted", "log-incremented", "log-cause", "text-guess",
                 "cookie-domain", "json-spelling", "connect-form"}


def ignored(path, sc):
    for pat in sc.get("ignore", []):
        if re.search(pat, path):
            return True
    return False


def check_bounds(sc_steps, got_steps, path, out):
    for i, st in enumerate(sc_steps):
        if i >= len(got_steps) or got_steps[i] is None:
            continue
        g = got_steps[i]
        if "bounds" in st and "t" in g:
            lo, hi = st["bounds"]
            if not lo <= g["t"] <= hi:
                out.append((f"{path}/{i}/t", f"between {lo} and {hi} s", g["t"]))
        if st.get("op") == "parallel":
            for j, th in enumerate(st["threads"]):
                if j < len(g.get("threads") or []):
                    check_bounds(th, g["threads"][j] or [], f"{path}/{i}/threads/{j}", out)


def last_cookie(obs):
    """the Cookie header of the last request of the scenario's only server"""
    conns = [c for srv in obs.get("server", {}).values() for c in srv]
    reqs = [r for c in conns for r in c["requests"]]
    for h in reqs[-1]["headers"] if len(reqs) > 1 else []:
        if h[0].lower() == "cookie":
            return h[1]
    return None


def panics(x):
    """the messages of panics anywhere in an observation"""
    if isinstance(x, dict):
        if x.get("class") == "Panic":
            return [x.get("message", "")]
        x = list(x.values())
    return [m for v in x for m in panics(v)] if isinstance(x, list) else []


def diff_obs(sc, exp, got, strict=False):
    """list of (kind, path, expected, got); kinds: client wire logs time unsupported

    strict: `got` is of requests itself, so that deviations do not count"""
    allow = {"user-agent", "log-cause"} if strict else ALLOW
    if exp is None:
        return [("client", "", "no expected outcome stored", "")]
    if "driver_error" in got or "driver_error" in exp:
        if got.get("driver_error") == "unsupported":
            return [("unsupported", "", "", got.get("what", ""))]
        return [("client", "", exp.get("driver_error", "ok"), got.get("driver_error", "ok"))]
    for message in panics(got.get("steps")):
        return [("client", "panic", "none", message)]
    if "rfc6265" in sc and not strict:
        # either requests' jar or RFC 6265 is right
        if "by_server" in sc["rfc6265"]:
            want = sc["rfc6265"]["by_server"]
            same = [s.get("status") for s in got.get("steps", [])] == [s.get("status") for s in exp.get("steps", [])]
            if same and sent_cookies(got, want) == want:
                return []
            for d in sc.get("deviations") or []:
                if d.get("rfc_only"):
                    return [("wire", "RFC 6265: " + d["why"], want, sent_cookies(got, want))]
        else:
            want = sc["rfc6265"]["cookie"]
            if last_cookie(got) == want and last_cookie(exp) != want:
                return []
    out = []
    d = []
    cmp("steps", norm_steps(exp.get("steps"), sc, allow), norm_steps(got.get("steps"), sc, allow), d)
    out += [("client",) + x for x in d]
    d = []
    check_bounds(sc["steps"], got.get("steps") or [], "steps", d)
    out += [("time",) + x for x in d]
    d = []
    cmp("server", norm_server(exp.get("server", {}), sc, allow), norm_server(got.get("server", {}), sc, allow), d)
    out += [("wire",) + x for x in d]
    d = []
    if not sc.get("nologs"):
        cmp("logs", norm_logs(exp.get("logs"), sc, allow), norm_logs(known_lines(got.get("logs"), exp.get("logs")), sc, allow), d)
    out += [("logs",) + x for x in d]
    out = [x for x in out if not ignored(x[1], sc)]
    if strict or not sc.get("deviations"):
        return out
    # an outcome that is wanted instead of requests'
    must = [d for d in sc["deviations"] if not d.get("either") and not d.get("rfc_only")]
    if all(d.get("rfc_only") for d in sc["deviations"]):
        return out
    ok = [d for d in sc["deviations"] if not d.get("rfc_only") and all(holds(c, got) for c in d["expect"])]
    if must:
        bad = [d for d in must if d not in ok]
        return [("client", "deviation", d["why"], brief(got)) for d in bad]
    return [] if ok else out


def brief(got):
    return [{k: s[k] for k in ("status", "error", "headers", "body") if k in s} for s in got.get("steps") or [] if s]
