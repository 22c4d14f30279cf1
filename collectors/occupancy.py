"""How full an engine was: KV cache, running and waiting sequences, preemptions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.worker import metric

if TYPE_CHECKING:
    from collections.abc import Callable


class Occupancy:
    """What was seen after each step."""

    def __init__(self) -> None:
        self._running: list[int] = []
        self._waiting: list[int] = []
        self._usage: list[float] = []
        self._preempted = 0

    def seen(self, running: int, waiting: int, usage: float, preempted: int = 0) -> None:
        """After a step.

        Args:
            running: sequences.
            waiting: sequences.
            usage: of the KV cache, from 0 to 1.
            preempted: sequences that were preempted in it.
        """
        self._running.append(running)
        self._waiting.append(waiting)
        self._usage.append(usage)
        self._preempted += preempted

    def metrics(self) -> list[dict[str, Any]]:
        """Highest and mean, over steps; nothing when no step was seen."""
        if not self._running:
            return []
        usage = [100 * value for value in self._usage]
        return [
            metric("running_max", "", max(self._running)),
            metric("running_mean", "", sum(self._running) / len(self._running)),
            metric("waiting_max", "", max(self._waiting)),
            metric("waiting_mean", "", sum(self._waiting) / len(self._waiting)),
            metric("kv_cache_usage_max_pct", "%", max(usage)),
            metric("kv_cache_usage_mean_pct", "%", sum(usage) / len(usage)),
            metric("preemptions", "", self._preempted),
        ]


def watcher(engine: Any) -> Callable[[Occupancy], None]:
    """A look at the scheduler of an engine in this process; it is no part of a step's time.

    An engine that was told to run in a process of its own (VLLM_ENABLE_V1_MULTIPROCESSING=1) is not seen.
    """
    core = getattr(engine.llm_engine.engine_core, "engine_core", None)
    if core is None:
        return lambda _: None
    scheduler = core.scheduler
    preempted: dict[str, int] = {}

    def look(occupancy: Occupancy) -> None:
        new = 0
        # A preempted sequence waits; how often it was before is known.
        for request in scheduler.waiting if len(scheduler.waiting) else ():
            if request.num_preemptions > preempted.get(request.request_id, 0):
                new += request.num_preemptions - preempted.get(request.request_id, 0)
                preempted[request.request_id] = request.num_preemptions
        occupancy.seen(len(scheduler.running), len(scheduler.waiting), scheduler.kv_cache_manager.usage, new)

    return look


def stat_logger(told: Callable[[int, int, float, int], None]) -> Callable[..., Any]:
    """What a served engine gives its numbers to: a maker of vLLM's loggers, which calls `told`.

    Args:
        told: as `Occupancy.seen`.
    """
    from vllm.v1.metrics.loggers import StatLoggerBase

    class Logger(StatLoggerBase):  # type: ignore[misc]
        def __init__(self, vllm_config: Any, engine_index: int = 0) -> None:
            pass

        def record(self, scheduler_stats: Any, iteration_stats: Any, *_: Any, **__: Any) -> None:
            if scheduler_stats is None:
                return
            # Of a step that gave no tokens nothing else is told.
            preempted = iteration_stats.num_preempted_reqs if iteration_stats is not None else 0
            told(
                scheduler_stats.num_running_reqs,
                scheduler_stats.num_waiting_reqs,
                scheduler_stats.kv_cache_usage,
                preempted,
            )

        def log_engine_initialized(self) -> None:
            pass

    return Logger
