"""What the sweeps over batch sizes and over prompt lengths share: their stages, and the counted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from collectors import counters, engine
from collectors.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from collectors.ranks import Ranks
    from collectors.stages import Point

F = TypeVar("F", bound="Callable[..., Any]")


def mode_option(function: F) -> F:
    """The option that says how the engine runs while it is timed."""
    return click.option(
        "--mode",
        type=click.Choice(["stepwise", "served"]),
        default="stepwise",
        show_default=True,
        help="stepwise: one step after the other, each timed; served: as vLLM serves, the whole is.",
    )(function)


def stages(
    name: str,
    points: Sequence[Point],
    sizes: Mapping[str, Any],
    own: Mapping[str, Any],
    *,
    model: str,
    weights: str,
    arguments: str | None,
    served: bool,
    nsys: bool,
    ncu: bool,
    follows: Sequence[str],
    counted: Mapping[str, Any] | None = None,
) -> list[Stage]:
    """Times first, into a table; then, if wanted, a timeline of each point, and counters with few layers.

    Args:
        name: decode or prefill.
        points: of the sweep.
        sizes: options of the command, ``ncu_layers`` among them.
        own: settings that only this sweep has.
        model: as given.
        weights: as given.
        arguments: more arguments of the engine, as given.
        served: whether the engine runs as it serves.
        nsys: whether to record timelines.
        ncu: whether to count.
        follows: names of its settings that follow from the points.
        counted: settings that differ when counting.

    Raises:
        click.UsageError: served, and a profiler, which is shown single steps.
    """
    if served and (nsys or ncu):
        raise click.UsageError(
            "--mode served times the whole, without single steps that a profiler could be shown: "
            "leave out --nsys and --ncu, or record with --mode stepwise."
        )
    given = engine.more_arguments(arguments)
    settings = {
        **sizes,
        "model": model,
        "random": engine.random_weights(model, weights),
        "served": served,
        **own,
        "engine": given,
    }
    common: dict[str, Any] = {
        "points": list(points),
        "follows": follows,
        "environment": engine.environment(model, served=served),
        "model": engine.name_of(model),
    }
    tags = {"collector": f"vllm_{name}_sweep"}
    timed: dict[str, Any] = {**common, "settings": settings, "tags": tags}
    found = [Stage(name=name, table=f"{name}_sweep", **timed)]
    if nsys:
        profiler = engine.profiled("nsys", given)
        found.append(
            Stage(name=f"{name}_nsys", tool="nsys", profiler=profiler, report_per_point=True, **timed)
        )
    if ncu:
        layers = sizes["ncu_layers"]
        found.append(
            Stage(
                name=f"{name}_ncu",
                tool="ncu",
                profiler={**engine.profiled("ncu", given), **counters.roofline()},
                settings={**settings, "layers": layers, **(counted or {}), "random": True},
                tags={**tags, "layers": str(layers)},
                **common,
            )
        )
    return found


def tags(llm: Any, ranks: Ranks, plan: Mapping[str, Any], settled: Mapping[str, Any]) -> dict[str, str]:
    """What is true of all points of a sweep: the weights, the engine's configuration, how it was measured."""
    mode = "served" if plan["served"] else "stepwise"
    how = {"engine": "offline", "mode": mode, **settled["tags"]}
    # Under a profiler there is one run, and none that does not count but those of the worker.
    if plan["captured"] == "no":
        how |= {name: str(plan[name]) for name in ("warmup", "repeats")}
    return {**engine.facts(llm, ranks.weights), **how, "seed": str(plan["seed"])}


def model_of(plan: Mapping[str, Any]) -> str:
    """The model of a worker's plan, cut down to as many layers as it says."""
    model: str = plan["model"]
    if layers := plan.get("layers"):
        return engine.changed_model(model, lambda config: engine.few_layers(config, layers))
    return model
