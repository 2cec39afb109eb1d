"""Loads scenarios, recordings and deviations, and stores recordings."""
import json
import os
import re

import rfc6265
from paths import SUITE

GROUPS = ["seeds", "request-bytes", "response", "redirect", "retry", "pool", "cookies", "proxy",
          "tls", "timeouts", "errors", "peer", "curl", "http-state"]


def load(groups="", idre="", quick=False):
    out = []
    names = [g for g in groups.split(",") if g] or [
        g for g in GROUPS if os.path.exists(os.path.join(SUITE, "scenarios", g + ".json"))]
    for g in names:
        with open(os.path.join(SUITE, "scenarios", g + ".json"), encoding="utf-8") as f:
            for line in f:
                line = line.strip()
                if not line:
                    continue
                sc = json.loads(line)
                sc["group"] = g
                if idre and not re.search(idre, sc["id"]):
                    continue
                out.append(sc)
    attach_deviations(out)
    attach_rfc6265(out)
    if quick:
        out = quick_subset(out)
    return out


def quick_subset(scs):
    """the same sample of each group every time"""
    by = {}
    for s in scs:
        by.setdefault(s["group"], []).append(s)
    out = []
    for g, lst in by.items():
        out += lst[::max(1, len(lst) // 40)]
    return out


def attach_deviations(scs):
    with open(os.path.join(SUITE, "deviations.json"), encoding="utf-8") as f:
        devs = [(re.compile(d["match"]), d) for d in json.load(f)]
    for s in scs:
        ds = [d for rx, d in devs if rx.search(s["id"])]
        if ds:
            s["deviations"] = ds


def attach_rfc6265(scs):
    for s in scs:
        if s["group"] == "cookies" and "rfc6265" not in s:
            r = rfc6265.simulate(s, rfc6265.pick_static)
            if r is not None:
                s["rfc6265"] = {"by_server": r}


def load_expected(groups):
    exp = {}
    for g in groups:
        p = os.path.join(SUITE, "expected", g + ".json")
        if os.path.exists(p):
            with open(p, encoding="utf-8") as f:
                for line in f:
                    if line.strip():
                        e = json.loads(line)
                        exp[e.pop("id")] = e
    return exp


def strip(x):
    if isinstance(x, list):
        return [strip(v) for v in x]
    if isinstance(x, dict):
        return {k: strip(v) for k, v in x.items() if k not in ("t", "wall")}
    return x


def store_expected(scs, res):
    """writes what requests did into `expected/`, in the order of the scenarios"""
    by = {}
    for s in scs:
        by.setdefault(s["group"], []).append(s["id"])
    for g, ids in by.items():
        p = os.path.join(SUITE, "expected", g + ".json")
        old = load_expected([g])
        for i in ids:
            e = strip(res[i])
            e["wall"] = max(0.1, round(res[i].get("wall") or 0.1, 1))
            old[i] = e
        allids = [s["id"] for s in load(g)]
        with open(p, "w", encoding="utf-8") as f:
            for i in allids:
                if i in old:
                    f.write(json.dumps({"id": i, **old[i]}, separators=(",", ":"), sort_keys=False) + "\n")
