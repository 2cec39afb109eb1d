"""Plays many scenarios side by side, in processes of their own."""
import errno
import multiprocessing as mp
import os
import sys
import traceback

import certs
import runner
import server
from paths import NO_HOME

# a scenario ends by itself after its limit, 12 s; past this the process that plays it is gone or stuck
STUCK = 90

_client = None


def _init(driver, counter):
    global _client
    with counter.get_lock():
        i = counter.value
        counter.value += 1
    lo = 20000 + (i % 8) * 1500
    # not the same ports as another run on this machine
    server.set_port_range(lo, lo + 1500, os.getpid() * 37)
    _client = runner.CmdClient([driver]) if driver else runner.PyClient(sys.executable)


def _one(sc):
    for last in (False, False, True):
        try:
            return sc["id"], runner.run_scenario(sc, _client)
        except Exception as e:
            if isinstance(e, OSError) and e.errno == errno.EADDRINUSE and not last:
                continue    # another run took the port between bind and listen
            return sc["id"], {"driver_error": "runner: " + traceback.format_exc()[-900:], "server": {}}


def run_all(scs, driver, jobs):
    """observations by id; driver: its path, or None for requests itself"""
    certs.ensure()
    os.makedirs(NO_HOME, exist_ok=True)
    # long ones first
    scs = sorted(scs, key=lambda s: -s.get("wall", 0.05))
    res = {}
    ctx = mp.get_context("fork")
    with ctx.Pool(jobs, _init, (driver, ctx.Value("i", 0))) as pool:
        done = pool.imap_unordered(_one, scs, chunksize=1)
        try:
            for _ in scs:
                k, v = done.next(timeout=STUCK)
                res[k] = v
        except mp.TimeoutError:
            pass    # leaving the block ends the processes
    return {s["id"]: res.get(s["id"], {"driver_error": "runner: no answer", "server": {}}) for s in scs}
