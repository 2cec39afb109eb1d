"""requests, or another module with its interface: `python.py MODULE OPERATION URL LENGTH THREADS SLOTS [COUNT]`.

The command line is that of the other peers; client/src/lib.rs describes it.
"""

import importlib
import sys
import threading
import time

BLOCK = 64 * 1024


class Reader:
    """A reader of so many bytes, whose length is known."""

    def __init__(self, length):
        self.len = self.left = length

    def read(self, size=-1):
        size = self.left if size is None or size < 0 else min(size, self.left)
        self.left -= size
        return b"x" * size


def operations(module, url, length, slots):
    session = module.Session()
    if slots:
        session.mount("http://", module.adapters.HTTPAdapter(pool_maxsize=slots, pool_block=True))

    def read():
        with session.get(url, stream=True) as response:
            return sum(len(block) for block in response.iter_content(BLOCK))

    def upload():
        session.post(url, data=Reader(length)).content
        return length

    return {
        "text": lambda: len(session.get(url).text),
        "once": lambda: len(module.get(url).text),
        "read": read,
        "content": lambda: len(session.get(url).content),
        "upload": upload,
    }


def main():
    name, operation, url, length, threads, slots, *count = sys.argv[1:]
    length, threads = int(length), int(threads)
    act = operations(importlib.import_module(name), url, length, int(slots))[operation]

    def work(times):
        for _ in range(times):
            found = act()
            assert found == length, f"{found} of {length}"

    if count:
        return work(int(count[0]))
    work(1)
    print(0, flush=True)
    for line in sys.stdin:
        started = time.perf_counter_ns()
        if threads == 1:
            work(int(line))
        else:
            share = -(-int(line) // threads)
            running = [threading.Thread(target=work, args=(share,)) for _ in range(threads)]
            for thread in running:
                thread.start()
            for thread in running:
                thread.join()
        print(time.perf_counter_ns() - started, flush=True)


main()
