"""Where the suite's files are, and where it writes."""
import os

LIB = os.path.dirname(os.path.abspath(__file__))
SUITE = os.path.dirname(LIB)
PROJECT = os.path.dirname(os.path.dirname(SUITE))
DRIVER = os.path.join(SUITE, "driver")
KNOWN = os.path.join(PROJECT, "docs", "conformance-known.txt")
TARGET = os.path.abspath(os.environ.get("CARGO_TARGET_DIR") or os.path.join(PROJECT, "target"))
# everything that is made while the suite runs: builds, certificates, an empty home
WORK = os.path.join(TARGET, "conformance")
NO_HOME = os.path.join(WORK, "no-home")
