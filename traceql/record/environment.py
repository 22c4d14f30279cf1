"""The environment that a profiled command gets: clean, because a report keeps all of it.

Handed on by default is what programs need, what launchers say to their ranks, and what decides how fast a
program is. Names that look like secrets are not, whatever else they are: only ``--env NAME`` hands one on.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from traceql.errors import CollectError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Variables that a profiled program needs and that tell nothing about who runs it.
KEPT_VARIABLES = frozenset(
    re.findall(
        r"\w+",
        """
    CC CPATH CUDA_DEVICE_ORDER CUDA_HOME CUDA_PATH CUDA_VISIBLE_DEVICES CXX HF_HOME HF_HUB_CACHE
    HF_HUB_OFFLINE HOME LANG LC_ALL LD_LIBRARY_PATH LIBRARY_PATH NVIDIA_DRIVER_CAPABILITIES
    NVIDIA_VISIBLE_DEVICES PATH PYTHONPATH TMPDIR TRITON_CACHE_DIR TZ VIRTUAL_ENV
    """,
    )
)

# What launchers tell a process about its place among others: torchrun, Slurm, Open MPI, MPICH, Flux.
_LAUNCHERS = re.compile(
    r"(?:(?:LOCAL_|GROUP_|NODE_|ROLE_)?RANK|(?:LOCAL_|ROLE_|GROUP_)?WORLD_SIZE|MASTER_(?:ADDR|PORT)"
    r"|(?:TORCHELASTIC|SLURM|SLURMD|OMPI|PMI|PMIX|PRTE|MPI|MPIR|MV2|PALS|FLUX)_\w+)$"
)
# What makes the same program faster or slower.
_SPEED = re.compile(
    r"(?:NCCL|UCX|GLOO|OMP|KMP|MKL|OPENBLAS|PYTORCH|TORCH|TORCHINDUCTOR|TRITON|VLLM|CUDA|CUDNN|CUBLAS|CUBLASLT"
    r"|FLASHINFER|FLASH_ATTENTION|XFORMERS|NVTE|XLA|JAX)_\w+$"
)
# Of those, what says who runs it and from where.
_WHO = re.compile(r"(?:USER|ACCOUNT|UID|GID|SUBMIT)")
_SECRET = re.compile(
    r"(?:^|_)(?:TOKEN|KEY|APIKEY|JWT|SECRET|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|AUTH|AUTHORIZATION|BEARER"
    r"|COOKIE|SESSION)(?:$|_)",
    re.IGNORECASE,
)


def is_secret(name: str) -> bool:
    """Whether a variable's name says that its value is a secret.

    >>> [is_secret(name) for name in ("HF_TOKEN", "VLLM_HTTP_AUTHORIZATION", "NCCL_DEBUG", "TOKENIZERS_DIR")]
    [True, True, False, False]
    """
    return _SECRET.search(name) is not None


def is_kept(name: str) -> bool:
    """Whether a variable is handed on without being asked for."""
    if is_secret(name) or (_LAUNCHERS.match(name) and _WHO.search(name)):
        return False
    return name in KEPT_VARIABLES or is_launchers(name) or is_speed(name)


def is_launchers(name: str) -> bool:
    """Whether a launcher sets a variable for each of its ranks."""
    return _LAUNCHERS.match(name) is not None


def is_speed(name: str) -> bool:
    """Whether a variable changes how fast a program runs, or on which GPU."""
    return _SPEED.match(name) is not None and not is_secret(name)


def clean_environment(
    more: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    *,
    everything: bool = False,
) -> dict[str, str]:
    """The variables that the profiled command gets.

    Args:
        more: ``NAME=VALUE`` to set, ``NAME`` to hand on, beside those of `is_kept`.
        environment: where they come from; by default this process's.
        everything: hand on the whole environment, secrets and all.

    Raises:
        CollectError: a name to hand on is not set, or there is no name.

    >>> clean_environment(["DEPTH=2"], {"HOME": "/root", "API_TOKEN": "secret"})
    {'HOME': '/root', 'DEPTH': '2'}
    """
    environment = os.environ if environment is None else environment
    kept = {name: value for name, value in sorted(environment.items()) if everything or is_kept(name)}
    for item in more:
        name, equals, value = item.partition("=")
        if not name:
            raise CollectError(f"--env {item!r}: a variable without a name", "Write NAME=VALUE, or NAME.")
        if not equals and name not in environment:
            raise CollectError(f"{name} is not set", "Give it a value: NAME=VALUE.")
        kept[name] = value if equals else environment[name]
    return kept


def told(variables: Mapping[str, str], environment: Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """What a sidecar says about the environment: names, no values.

    Args:
        variables: what the command gets.
        environment: where it comes from; by default this process's.

    >>> told({"HOME": "/root", "RANK": "0"}, {"HOME": "/root", "RANK": "0", "API_TOKEN": "secret"})
    {'handed_on': ['HOME', 'RANK'], 'kept_out': ['API_TOKEN']}
    """
    environment = os.environ if environment is None else environment
    return {"handed_on": sorted(variables), "kept_out": sorted(set(environment) - set(variables))}
