"""Whether vLLM's wheels have what the collectors use: names, arguments and variables, read without installing.

A wheel is a ZIP archive, of which the package index hands out any part: some source files are read from each,
a few hundred kilobytes of some hundred megabytes, and parsed, never run.

    python tests/record/vllm_wheels.py            the newest six minor versions
    python tests/record/vllm_wheels.py 0.20 0.26  these ones

Prints a table and ends with status 1 if a version within the range of pyproject.toml lacks something.
"""

from __future__ import annotations

import ast
import io
import json
import re
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ROOT = Path(__file__).parents[2]
INDEX = "https://pypi.org/simple/vllm/"
_WHEEL = re.compile(r"vllm-(\d+)\.(\d+)\.(\d+)-.*manylinux.*x86_64\.whl")

#: What the collectors use: file → class (or "" for the module) → names. For arguments that pass through
#: vllm.LLM the class is the one that takes them in the end.
USED: Mapping[str, Mapping[str, Sequence[str]]] = {
    "vllm/engine/arg_utils.py": {
        "": ("AsyncEngineArgs",),
        "EngineArgs": (
            "async_scheduling",
            "compilation_config",
            "disable_log_stats",
            "dtype",
            "enable_chunked_prefill",
            "enable_prefix_caching",
            "enforce_eager",
            "kv_cache_memory_bytes",
            "load_format",
            "max_model_len",
            "max_num_batched_tokens",
            "max_num_seqs",
            "model",
            "profiler_config",
            "skip_tokenizer_init",
            "speculative_config",
            "tensor_parallel_size",
            "worker_extension_cls",
        ),
    },
    # What else the patch of staged writes takes is vLLM 0.26's.
    "vllm/v1/attention/backends/flash_attn.py": {"": ("FlashAttentionImpl",)},
    "vllm/config/vllm.py": {
        "VllmConfig": (
            "cache_config",
            "compilation_config",
            "model_config",
            "parallel_config",
            "scheduler_config",
        )
    },
    "vllm/config/cache.py": {"CacheConfig": ("block_size", "cache_dtype", "enable_prefix_caching")},
    "vllm/config/model.py": {"ModelConfig": ("dtype", "max_model_len", "quantization")},
    "vllm/config/parallel.py": {
        "ParallelConfig": (
            "data_parallel_size",
            "enable_expert_parallel",
            "pipeline_parallel_size",
            "tensor_parallel_size",
        )
    },
    "vllm/config/scheduler.py": {
        "SchedulerConfig": (
            "async_scheduling",
            "enable_chunked_prefill",
            "max_num_batched_tokens",
            "max_num_seqs",
        )
    },
    "vllm/config/compilation.py": {
        "CompilationConfig": (
            "mode",
            "cudagraph_mode",
            "cudagraph_capture_sizes",
            "static_forward_context",
        ),
        "CUDAGraphMode": ("FULL_AND_PIECEWISE", "FULL_DECODE_ONLY", "NONE"),
    },
    "vllm/config/profiler.py": {"ProfilerConfig": ("profiler",)},
    "vllm/config/speculative.py": {
        "SpeculativeConfig": (
            "method",
            "num_speculative_tokens",
            "prompt_lookup_max",
            "prompt_lookup_min",
            "rejection_sample_method",
            "synthetic_acceptance_rates",
        )
    },
    "vllm/entrypoints/llm.py": {
        "LLM": (
            "collective_rpc",
            "generate",
            "get_metrics",
            "start_profile",
            "stop_profile",
            "llm_engine",
        )
    },
    "vllm/v1/engine/llm_engine.py": {"LLMEngine": ("engine_core", "model_config", "step", "vllm_config")},
    "vllm/v1/engine/core_client.py": {"InprocClient": ("engine_core", "get_output")},
    "vllm/v1/engine/core.py": {"EngineCore": ("scheduler",)},
    "vllm/v1/core/sched/scheduler.py": {"Scheduler": ("kv_cache_manager", "running", "waiting")},
    "vllm/v1/core/kv_cache_manager.py": {"KVCacheManager": ("usage",)},
    "vllm/v1/request.py": {"Request": ("num_preemptions", "request_id")},
    "vllm/v1/worker/worker_base.py": {"WorkerBase": ("get_model", "rank", "vllm_config")},
    "vllm/model_executor/layers/attention_layer_base.py": {"AttentionLayerBase": ("get_attn_backend",)},
    "vllm/v1/attention/backend.py": {"AttentionBackend": ("get_name",)},
    "vllm/v1/metrics/loggers.py": {"StatLoggerBase": ("log_engine_initialized", "record")},
    "vllm/v1/metrics/stats.py": {
        "IterationStats": ("num_preempted_reqs",),
        "SchedulerStats": ("kv_cache_usage", "num_running_reqs", "num_waiting_reqs"),
    },
    "vllm/v1/engine/async_llm.py": {
        "AsyncLLM": (
            "collective_rpc",
            "from_engine_args",
            "generate",
            "model_config",
            "shutdown",
            "start_profile",
            "stop_profile",
        )
    },
    "vllm/sampling_params.py": {
        "RequestOutputKind": ("DELTA",),
        "SamplingParams": ("detokenize", "ignore_eos", "max_tokens", "output_kind", "temperature"),
    },
    "vllm/envs.py": {
        "": (
            "VLLM_ENABLE_V1_MULTIPROCESSING",
            "VLLM_LOGGING_LEVEL",
            "VLLM_NO_USAGE_STATS",
            "VLLM_USE_FLASHINFER_SAMPLER",
            "VLLM_USE_V2_MODEL_RUNNER",
            "VLLM_WORKER_MULTIPROC_METHOD",
        )
    },
}


class _Remote(io.RawIOBase):
    """A file on a web server, of which parts are fetched as they are read."""

    def __init__(self, url: str, size_bytes: int) -> None:
        self._url = url
        self._size = size_bytes
        self._place = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._place = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        return self._place

    def read(self, size: int = -1) -> bytes:
        end = self._size if size < 0 else min(self._size, self._place + size)
        if end <= self._place:
            return b""
        asked = urllib.request.Request(self._url, headers={"Range": f"bytes={self._place}-{end - 1}"})
        with urllib.request.urlopen(asked, timeout=60) as answer:
            content: bytes = answer.read()
        self._place += len(content)
        return content


def lacking(wheel: zipfile.ZipFile) -> list[str]:
    """What a wheel lacks of `USED`, as ``file: Class.name``."""
    files = set(wheel.namelist())
    missing = []
    for file, classes in USED.items():
        if file not in files:
            missing.append(file)
            continue
        source = wheel.read(file).decode()
        known = _names(wheel, ast.parse(source), files)
        for owner, names in classes.items():
            there = known.get(owner, set())
            if not there:
                missing.append(f"{file}: {owner}")
                continue
            # Variables are keys of a table, written as texts.
            missing += [
                f"{file}: {owner}{'.' if owner else ''}{name}"
                for name in names
                if name not in there and not (file.endswith("envs.py") and f'"{name}"' in source)
            ]
    return missing


def _names(
    wheel: zipfile.ZipFile, module: ast.Module, files: Iterable[str], depth: int = 0
) -> dict[str, set[str]]:
    """Class → names of its body, of what its methods set on self, and of its bases that the package has."""
    found: dict[str, set[str]] = {"": set()}
    imported = {
        alias.asname or alias.name: node.module
        for node in module.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    for node in module.body:
        if not isinstance(node, ast.ClassDef):
            found[""] |= set(_bound(node))
            continue
        found[""].add(node.name)
        own = {name for child in node.body for name in _bound(child)}
        own |= {
            target.attr
            for inner in ast.walk(node)
            if isinstance(inner, ast.Assign | ast.AnnAssign)
            for target in (inner.targets if isinstance(inner, ast.Assign) else [inner.target])
            if isinstance(target, ast.Attribute)
        }
        for base in node.bases:
            name = ast.unparse(base).partition("[")[0]
            place = imported.get(name, "").replace(".", "/") + ".py"
            if name in found:
                own |= found[name]
            elif place in files and depth < 3:
                other = _names(wheel, ast.parse(wheel.read(place).decode()), files, depth + 1)
                own |= other.get(name, set())
        found[node.name] = own
    return found


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AnnAssign):
        return [node.target.id] if isinstance(node.target, ast.Name) else []
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def published() -> dict[tuple[int, int, int], dict[str, Any]]:
    """Version → its newest Linux wheel, as the package index describes it."""
    asked = urllib.request.Request(INDEX, headers={"Accept": "application/vnd.pypi.simple.v1+json"})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        files = json.load(answer)["files"]
    found = {}
    for file in files:
        if (match := _WHEEL.fullmatch(file["filename"])) and not file["yanked"]:
            major, minor, patch = map(int, match.groups())
            found[major, minor, patch] = file
    return found


def supported() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The range of pyproject.toml: from, and below."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = next(one for one in project["optional-dependencies"]["collect"] if one.startswith("vllm"))
    bounds = dict(re.findall(r"(>=|<)([\d.]+)", text))
    low, high = (tuple(map(int, bounds[sign].split("."))) for sign in (">=", "<"))
    return low, high


def main(asked: Sequence[str]) -> int:
    """Check the newest patch of each minor version; the exit status."""
    try:
        return _check([tuple(map(int, text.split("."))) for text in asked])
    except OSError as error:
        # No network is no fault of the collectors.
        print(f"The package index cannot be reached ({error}): the rest was not checked.")
        return 0


def _check(asked: Sequence[tuple[int, ...]]) -> int:
    wheels = published()
    newest: dict[tuple[int, ...], tuple[int, int, int]] = {}
    for version in sorted(wheels):
        newest[version[:2]] = version
    low, high = supported()
    failed = False
    for minor in asked or sorted(newest)[-6:]:
        if (found := newest.get(minor)) is None:
            sys.exit(f"There is no vLLM {'.'.join(map(str, minor))}.")
        with zipfile.ZipFile(_Remote(wheels[found]["url"], wheels[found]["size"])) as wheel:
            missing = lacking(wheel)
        inside = low <= found < high
        failed |= inside and bool(missing)
        text = ".".join(map(str, found))
        print(
            f"{text:8} {'' if inside else '(outside the range) '}{'; '.join(missing) or 'whole'}", flush=True
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
