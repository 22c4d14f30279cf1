"""Models as far as predictions need them: the dimensions of their layers, and how weights are stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from traceql.predict.floors import positive
from traceql.predict.hardware import element_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traceql.predict.layers import Attention, Experts, LatentAttention, Layers, Mamba2, Mlp, Router
    from traceql.predict.quantised import Format


class Quantised(NamedTuple):
    """Matrices of one name that are stored in a format of their own.

    Attributes:
        part: the part of the model, a key of `Model.parts`; or ``output projection``.
        module: the matrix, a key of the part's modules.
        layers: in how many layers.
        format: how.
    """

    part: str
    module: str
    layers: int
    format: Format


@dataclass(frozen=True)
class Model:
    """The dimensions of a decoder that predictions need.

    Attributes:
        hidden: width of the residual stream.
        vocab: entries of the vocabulary.
        tied: the output projection shares the embedding's weights.
        attention: attention layers; None without.
        mlp: feed-forward layers that every token passes; None without.
        mamba: Mamba-2 layers; None without.
        router: what chooses experts; None without experts.
        shared_experts: experts that every token passes; None without.
        experts: those of which a token passes a few; None without.
        dtype: precision that the configuration names.
        weight_dtype: type of the weights that are not quantised; None where it is that of the arithmetic.
        kv_dtype: type of the KV cache; likewise.
        ssm_dtype: type of Mamba's SSM state: fp32 unless the configuration says otherwise.
        quantised: matrices that are stored in other formats.
        max_tokens: longest sequence that positions are made for; None where nothing is said.
        window: tokens that attention reaches back, the token itself included; None where it meets all.
        gpus: GPUs that share the model; more than 1, and all else is what one of them holds.
    """

    hidden: int
    vocab: int
    tied: bool
    attention: Attention | LatentAttention | None
    mlp: Mlp | None
    mamba: Mamba2 | None = None
    router: Router | None = None
    shared_experts: Mlp | None = None
    experts: Experts | None = None
    dtype: str = "bf16"
    weight_dtype: str | None = None
    kv_dtype: str | None = None
    ssm_dtype: str = "fp32"
    quantised: tuple[Quantised, ...] = ()
    max_tokens: int | None = None
    window: int | None = None
    gpus: int = 1

    @property
    def parts(self) -> Mapping[str, Layers]:
        """The layers by the names of their parts in predictions."""
        every = {
            "attention projections": self.attention,
            "feed-forward": self.mlp,
            "router": self.router,
            "shared experts": self.shared_experts,
            "experts": self.experts,
            "mamba projections": self.mamba,
        }
        return {name: part for name, part in every.items() if part}

    @property
    def layer_parameters(self) -> int:
        """Weights of all layers, experts included: all but the embedding and the output projection."""
        return sum(part.parameters for part in self.parts.values())

    @property
    def parameters(self) -> int:
        """All weights, norms and biases left out."""
        return self.layer_parameters + self.vocab * self.hidden * (1 if self.tied else 2)

    def stored(self, part: str) -> Mapping[Format | None, int]:
        """Weights of a part (a key of `parts`, or ``output projection``) by format; None: as all else."""
        if part == "output projection":
            modules, layers = {"lm_head": self.vocab * self.hidden}, 1
        else:
            modules, layers = dict(self.parts[part].modules), self.parts[part].layers
        found: dict[Format | None, int] = {None: layers * sum(modules.values())}
        for one in self.quantised:
            if one.part == part:
                weights = one.layers * modules[one.module]
                found[one.format] = found.get(one.format, 0) + weights
                found[None] -= weights
        return {chosen: weights for chosen, weights in found.items() if weights}

    def in_types(
        self, weight_dtype: str | None = None, kv_dtype: str | None = None, ssm_dtype: str | None = None
    ) -> Model:
        """The same model with all weights, its KV cache or its SSM state in other types.

        Weights in a type are no longer quantised as the configuration says, and are multiplied in the
        precision of all else. None changes nothing.

        Raises:
            PredictionError: there is no such type.
        """
        for given in (weight_dtype, kv_dtype, ssm_dtype):
            if given is not None:
                element_bytes(given)
        return replace(
            self,
            weight_dtype=weight_dtype or self.weight_dtype,
            quantised=() if weight_dtype else self.quantised,
            kv_dtype=kv_dtype or self.kv_dtype,
            ssm_dtype=ssm_dtype or self.ssm_dtype,
        )

    def on_one_of(self, gpus: int) -> Model:
        """What one of several GPUs holds with tensor parallelism: equal shares of heads and of widths.

        What cannot be shared is on every GPU: routers, latent vectors of attention, and key and value heads
        if there are fewer of them than GPUs.

        Raises:
            PredictionError: a number of heads or a width is not divisible.
        """
        positive(tensor_parallel_size=gpus)
        if gpus == 1:
            return self
        return replace(
            self,
            gpus=gpus,
            vocab=-(-self.vocab // gpus),
            attention=self.attention and self.attention.on_one_of(gpus),
            mlp=self.mlp and self.mlp.on_one_of(gpus),
            mamba=self.mamba and self.mamba.on_one_of(gpus),
            shared_experts=self.shared_experts and self.shared_experts.on_one_of(gpus),
            experts=self.experts and self.experts.on_one_of(gpus),
        )
