"""nsys, ncu and nvidia-smi, played by scripts that behave as words in a file tell them."""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

REPORTS = Path(__file__).parent / "fixtures" / "reports"

# In the same file: "old", a driver before 535; "hot", a GPU that power and temperature slow down.
SMI = """#!/bin/sh
words=$(cat "{mode}" 2>/dev/null)
case "$*" in
*clocks_event_reasons*) case "$words" in *old*) echo "not a valid field to query" >&2; exit 2;; esac;;
esac
case "$*" in
*power.draw*)
  case "$words" in
  *hot*) line="0, 1410, 2619, 699.80, 84, 0x0000000000000024";;
  *) line="0, 1980, 2619, 412.55, 61, 0x0000000000000000";;
  esac
  echo "$line"
  case "$*" in *--loop-ms*) while sleep 0.02; do echo "$line"; done;; esac;;
*query-gpu=index*) echo 0;;
*) echo "NVIDIA H200, 580.1, 143771, 345, 2619, 1980, 3201, 700.00, 31, 9.0";;
esac
"""

# Runs the command, then leaves as many reports as it was asked for; where FAKE_CALLS logs the windows that were
# opened, no more than those. The words, in the file `mode` beside it:
#   lose N          the report of window N is lost
#   ignore          SIGINT changes nothing
#   slow            finishing the report takes a minute
#   none            there is no report
#   qdrep           reports are called as those of before 2021.4
#   qdstrm          there is what the importer would make a report of
#   refused         the driver refuses the counters
#   endless         prints a line of 1 GB
PROFILER = """#!{python} -S
import os, re, shutil, signal, subprocess, sys, time
if "--version" in sys.argv:
    print("NVIDIA Nsight version 2025.3.1.0 (build 1)")
    sys.exit()
if sys.argv[1:] in (["profile", "--help"], ["--help"]):
    # As a test wrote it; a version that says nothing otherwise.
    print(open(sys.argv[0] + ".help").read() if os.path.exists(sys.argv[0] + ".help") else "")
    sys.exit()
words = open("{mode}").read().split() if os.path.exists("{mode}") else []
split = max(n for n, word in enumerate(sys.argv) if re.match("--(output|export)=", word))
output = sys.argv[split].partition("=")[2].replace("%%", "%")
repeat = next((int(w.rpartition(":")[2]) for w in sys.argv if w.startswith("--capture-range-end=repeat")), 0)
calls = os.environ.get("FAKE_CALLS")
def starts():
    return open(calls).read().split().count("start") if calls and os.path.exists(calls) else 0
before = starts()
asked = []
# What was ignored when it was started it ignores, too, and so does the command.
if "ignore" in words or signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
else:
    signal.signal(signal.SIGINT, lambda *_: asked.append(1))
status = subprocess.Popen(sys.argv[split + 1 :]).wait()
if "slow" in words:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.1)
if "refused" in words:
    print("==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access counters", file=sys.stderr)
if "endless" in words:
    for _ in range(1000):
        os.write(1, b"x" * 1_000_000)
    os.write(1, b"\\n")
if "qdstrm" in words:
    open(output + ".qdstrm", "w").close()
if not {"none", "qdstrm", "refused"} & set(words):
    opened = min(repeat, starts() - before) if calls else repeat
    lost = words[words.index("lose") + 1] if "lose" in words else None
    for number in range(1, opened + 1) if repeat else [None]:
        if str(number) != lost:
            ending = ".qdrep" if "qdrep" in words else "{ending}"
            shutil.copy("{report}", output + (f".{number}" if number else "") + ending)
sys.exit(status if status >= 0 else 128 - status)
"""


def install(folder: Path) -> Path:
    """Put all three into a folder; returns the file for the words."""
    mode = folder / "mode"
    programs = {"nvidia-smi": SMI.replace("{mode}", str(mode))}
    for tool, name in (("nsys", "scv_baseline_graph.nsys-rep"), ("ncu", "scv_baseline_vectorized.ncu-rep")):
        report = folder / name
        report.write_bytes(lzma.decompress((REPORTS / f"{name}.xz").read_bytes()))
        programs[tool] = (
            PROFILER.replace("{python}", sys.executable)
            .replace("{mode}", str(mode))
            .replace("{report}", str(report))
            .replace("{ending}", f".{tool}-rep")
        )
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return mode
