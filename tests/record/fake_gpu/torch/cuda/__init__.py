import os
from pathlib import Path
from types import SimpleNamespace


def log(text):
    if path := os.environ.get("FAKE_CALLS"):
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text + "\n")


def is_available():
    return True


def device_count():
    return 1


def synchronize():
    if os.environ.get("FAKE_LOST"):
        raise RuntimeError("CUDA error: an illegal memory access was encountered")


def empty_cache():
    pass


profiler = SimpleNamespace(start=lambda: log("start"), stop=lambda: log("stop"))
nvtx = SimpleNamespace(range_push=lambda text: log(f"push {text}"), range_pop=lambda: log("pop"))
