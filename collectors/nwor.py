"""NWOR and SCV in vLLM: staged KV writes and other ways to verify drafts, switched while the engine runs.

Nothing of vLLM is copied: two methods of its model runner and one function of its rejection sampler are
wrapped. What the modes do differs in where rows are written and how the verdict is computed, never in the
tokens, which `vllm_nwor` asserts. Written for vLLM 0.26: model runner V1, FlashAttention, one KV cache
group, one rank, synchronous scheduling, greedy sampling.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from collectors import staging

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

#: The modes: how draft rows are written, and how the verdict is computed, as the guide to NWOR and SCV calls
#: both. Of SCV, off is vLLM's own kernel, which is one launch for the batch already.
MODES = {
    "off": ("off", "off"),
    "nwor": ("stage", "off"),
    "scv_loop": ("off", "loop"),
    "scv_vectorized": ("off", "vectorized"),
    "scv_graph": ("off", "graph"),
    "nwor_scv_graph": ("stage", "graph"),
    # Commits nothing: a mistake, which a comparison of tokens must notice.
    "broken": ("discard", "off"),
}


class Patch:
    """The wraps around one engine in this process.

    Args:
        engine: a vllm.LLM.
        ranges: whether NVTX ranges are pushed, for a profiler.
    """

    def __init__(self, engine: Any, *, ranges: bool = False) -> None:
        import vllm.v1.sample.rejection_sampler as rejection_sampler

        self._runner = engine.collective_rpc(lambda worker: worker.model_runner)[0]
        self._ranges = ranges
        self._nwor = self._scv = "off"
        self._sampler = rejection_sampler
        self._verify = rejection_sampler.rejection_sample
        self._prepare, self._sample = self._runner._prepare_inputs, self._runner._sample
        self._drafts = self._runner.num_spec_tokens
        self._stage = _Stage(engine, self._runner, self._drafts + 1)
        self._graph: _Graph | None = None
        self.staged_tokens = 0
        #: A number for the logits of each step, bit for bit, where a list is given.
        self.seen: list[Any] | None = None
        self._runner._prepare_inputs = self._prepare_inputs
        self._runner._sample = self._sample_and_commit
        rejection_sampler.rejection_sample = self._rejection_sample
        if ranges:
            self._mark_writes()

    def mode(self, name: str) -> None:
        """From the next step on."""
        self._nwor, self._scv = MODES[name]

    def accept(self, rate: float) -> None:
        """From the next step on, the chance that a draft is accepted whose predecessors are (synthetic)."""
        self._runner.rejection_sampler.synthetic_conditional_rates.fill_(rate)

    def seed(self, number: int) -> None:
        """Of synthetic acceptance: the same draws again."""
        import torch

        torch.cuda.manual_seed(number)

    @property
    def token_bytes(self) -> int:
        """Keys and values of a token, in all layers of the model."""
        return int(self._stage.token_bytes)

    def counted(self) -> dict[str, int]:
        """Draft rows that were staged, draft rows and other rows that were committed, since the last time."""
        others, drafts = self._stage.counted.tolist()
        self._stage.counted.zero_()
        staged, self.staged_tokens = self.staged_tokens, 0
        return {"nwor_tokens_staged": staged, "nwor_tokens_committed": drafts, "nwor_rows_beside": others}

    def _range(self, text: str) -> Any:
        if not self._ranges:
            return nullcontext()
        import torch

        return torch.cuda.nvtx.range(text)

    def _mark_writes(self) -> None:
        """A range around each layer's write of keys and values; seen in eager steps only."""
        from vllm.v1.attention.backends.flash_attn import FlashAttentionImpl

        write = FlashAttentionImpl.do_kv_cache_update

        def marked(*arguments: Any, **named: Any) -> None:
            with self._range("kv_write"):
                write(*arguments, **named)

        FlashAttentionImpl.do_kv_cache_update = marked

    def _prepare_inputs(self, scheduled: Any, counts: Any) -> Any:
        found = self._prepare(scheduled, counts)
        drafts = found[1]
        if self._nwor != "off" and drafts is not None and int(counts.max()) <= self._drafts + 1:
            self.staged_tokens += sum(drafts.num_draft_tokens)
            self._stage.open(self._range)
        else:
            self._stage.skip()
        return found

    def sharpen(self, factor: float) -> None:
        """Random weights are so small that the next token hardly depends on those before: make them larger.

        Without this no comparison of tokens would notice that rows of the KV cache are lost.
        """
        import torch

        drafter = getattr(getattr(self._runner, "drafter", None), "model", None)
        with torch.inference_mode():
            for model in (self._runner.get_model(), drafter):
                for weight in () if model is None else model.parameters():
                    if weight.ndim > 1:
                        weight.mul_(factor)

    def _sample_and_commit(self, logits: Any, drafts: Any) -> Any:
        if self.seen is not None:
            self.seen.append(_number(logits))
        output = self._sample(logits, drafts)
        if self._stage.is_open:
            self._stage.close(output.sampled_token_ids, self._range, discard=self._nwor == "discard")
        return output

    def _rejection_sample(
        self,
        draft: Any,
        counts: Sequence[int],
        most: int,
        ends: Any,
        draft_probs: Any,
        logits: Any,
        bonus: Any,
        sampling: Any,
        synthetic_mode: bool = False,
        synthetic_conditional_rates: Any = None,
        **named: Any,
    ) -> Any:
        with self._range("rejection_sample"):
            if self._scv == "off":
                return self._verify(
                    draft,
                    counts,
                    most,
                    ends,
                    draft_probs,
                    logits,
                    bonus,
                    sampling,
                    synthetic_mode=synthetic_mode,
                    synthetic_conditional_rates=synthetic_conditional_rates,
                    **named,
                )
            if not sampling.all_greedy:
                raise ValueError("the modes of SCV verify greedy sampling only")
            uniform = None
            if synthetic_mode:
                # The same draws as vLLM's own.
                uniform = self._sampler.generate_uniform_probs(
                    draft.shape[0], counts, sampling.generators, logits.device
                )
            target = logits.argmax(dim=-1)
            return self._verdict(
                draft, counts, most, ends, target, bonus, uniform, synthetic_conditional_rates
            )

    def _verdict(
        self,
        draft: Any,
        counts: Sequence[int],
        most: int,
        ends: Any,
        target: Any,
        bonus: Any,
        uniform: Any,
        rates: Any,
    ) -> Any:
        import torch

        if self._scv == "graph":
            if self._graph is None:
                self._graph = _Graph(
                    self._runner.max_num_reqs, self._drafts, (draft, target, bonus, ends, uniform), rates
                )
            with self._range("scv_inputs"):
                self._graph.fill(draft, target, bonus, ends, uniform)
            with self._range("scv_compute_mask"):
                return self._graph.replay(len(counts))
        output = torch.empty((len(counts), most + 1), dtype=torch.int32, device=draft.device)
        if self._scv == "vectorized":
            with self._range("scv_compute_mask"):
                verify(output, ends, draft, target, bonus, uniform, rates)
            return output
        with self._range("scv_compute_mask"):
            found = torch.tensor(loop(draft, target, counts, uniform, rates), dtype=torch.int32)
            found = found.to(draft.device)
        with self._range("scv_tokens"):
            verify(output, ends, draft, target, bonus, uniform, rates, found)
        return output


def _number(values: Any) -> Any:
    """One for a tensor of bfloat16, in which every bit and every place counts; it stays on the GPU."""
    import torch

    bits = values.contiguous().view(torch.int16).flatten().to(torch.int64)
    return (bits * (torch.arange(bits.numel(), device=bits.device) % 65521 + 1)).sum()


def loop(draft: Any, target: Any, counts: Sequence[int], uniform: Any, rates: Any) -> list[int]:
    """How many drafts of each request are accepted: launches and a wait for each, as the guide's loop."""
    accepted = []
    begin = 0
    for drafts in counts:
        here = slice(begin, begin + drafts)
        if uniform is None:
            equal = draft[here] == target[here]
        else:
            equal = (uniform[here] < rates[:drafts]) & (draft[here] >= 0)
        accepted.append(int(equal.cumprod(0).sum()) if drafts else 0)
        begin += drafts
    return accepted


def verify(
    output: Any,
    ends: Any,
    draft: Any,
    target: Any,
    bonus: Any,
    uniform: Any = None,
    rates: Any = None,
    counts: Any = None,
) -> None:
    """Write the tokens of every request, -1 where there is none, into `output`, with one kernel.

    Args:
        output: shape (requests, drafts + 1).
        ends: of the requests' drafts, shape (requests,).
        draft: the drafts of all, one after the other.
        target: what the model would have said there.
        bonus: what follows when all drafts are accepted, shape (requests, 1).
        uniform: of synthetic acceptance: a number from 0 to 1 for each draft.
        rates: of synthetic acceptance: below which of them a draft is accepted, by place.
        counts: how many are accepted, if that is known already.
    """
    from collectors import staging_kernels

    requests, columns = output.shape
    staging_kernels.launch(
        "_verify",
        (requests,),
        output,
        ends,
        draft,
        target,
        bonus,
        draft if uniform is None else uniform,
        draft if rates is None else rates,
        draft if counts is None else counts,
        columns,
        staging_kernels.wide(columns),
        uniform is not None,
        counts is not None,
    )


class _Graph:
    """`verify` as a CUDA graph, captured once for the largest batch: the rows beyond a batch mean nothing.

    A graph reads from where it read at capture, so each step's drafts have to be copied there first.
    """

    def __init__(self, requests: int, drafts: int, like: Sequence[Any], rates: Any) -> None:
        import torch

        # Rows beyond a batch are of another one, and may read on from where this one ends.
        room = requests * drafts + 64
        sizes = (room, room, requests, requests, room)
        self._inputs = [
            None if one is None else torch.zeros(size, dtype=one.dtype, device=one.device)
            for one, size in zip(like, sizes, strict=True)
        ]
        draft, target, bonus, ends, uniform = self._inputs
        self._output = torch.empty((requests, drafts + 1), dtype=torch.int32, device=like[0].device)
        arguments = (self._output, ends, draft, target, bonus, uniform, rates)
        # Compiled outside the capture.
        verify(*arguments)
        torch.cuda.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            verify(*arguments)

    def fill(self, *given: Any) -> None:
        for kept, one in zip(self._inputs, given, strict=True):
            if kept is not None:
                kept[: one.numel()].copy_(one.flatten())

    def replay(self, requests: int) -> Any:
        self._graph.replay()
        return self._output[:requests]


class _Stage:
    """The pages, and the kernels of `staging_kernels` on an engine's KV cache. See `staging`."""

    def __init__(self, engine: Any, runner: Any, rows: int) -> None:
        import torch

        self._runner = runner
        tables = runner.input_batch.block_table.block_tables
        if len(tables) != 1 or tables[0].use_hybrid_blocks:
            raise ValueError("staging needs one KV cache group, and blocks as large as the kernels'")
        self._block = tables[0].block_size
        self._rows = rows
        self._spans = staging.spans(self._block, rows)
        pool = engine.llm_engine.engine_core.engine_core.scheduler.kv_cache_manager.block_pool
        reserved = [block.block_id for block in pool.get_new_blocks(runner.max_num_reqs * self._spans)]
        cuda: dict[str, Any] = {"device": runner.device}
        self.pages = torch.tensor(reserved, dtype=torch.int32, **cuda).view(-1, self._spans)
        self._saved = torch.zeros_like(self.pages)
        self._targets = torch.zeros_like(tables[0].slot_mapping.gpu)
        self.counted = torch.zeros(2, dtype=torch.int32, **cuda)
        self._layers = _caches(runner)
        self._addresses = torch.tensor([one.data_ptr() for one in self._layers], dtype=torch.int64, **cuda)
        of_block, of_head, of_row, _ = self._layers[0].stride()
        _, heads, _, length = self._layers[0].shape
        self.token_bytes = len(self._layers) * heads * length * self._layers[0].element_size()
        self._layout = (of_block, of_row, of_head, heads, length)
        self._members: list[str] | None = None
        self.is_open = False

    def skip(self) -> None:
        """A step that is not staged: the pages no longer hold what they mirror."""
        self._members = None
        self.is_open = False

    def open(self, marked: Callable[[str], Any]) -> None:
        """Before the step's forward pass."""
        batch = self._runner.input_batch
        with marked("nwor_stage"):
            self._launch("_open", (batch.num_reqs,), self._where(pages=True))
        if batch.req_ids != self._members:
            with marked("nwor_mirror"):
                self._mirror(batch.num_reqs)
            self._members = list(batch.req_ids)
        self.is_open = True

    def close(self, sampled: Any, marked: Callable[[str], Any], *, discard: bool) -> None:
        """After the verdict, before anything is drafted."""
        requests = self._runner.input_batch.num_reqs
        table = self._table()
        if not discard:
            if sampled.stride(0) != sampled.shape[1]:
                sampled = sampled.contiguous()
            with marked("nwor_commit"):
                self._launch(
                    "_commit",
                    (requests, self._rows, len(self._layers)),
                    (
                        self._runner.query_start_loc.gpu,
                        sampled,
                        sampled.shape[1],
                        table.slot_mapping.gpu,
                        self._targets,
                        self.counted,
                        self._addresses,
                        self._layers[0],
                        self._block,
                        _wide(self._rows),
                        *self._layout,
                    ),
                )
        with marked("nwor_restore"):
            self._launch("_close", (requests,), self._where(pages=False))
        self.is_open = False

    def _mirror(self, requests: int) -> None:
        self._launch(
            "_mirror",
            (requests, len(self._layers)),
            (
                self._runner.num_computed_tokens,
                self.pages,
                self._saved,
                self._addresses,
                self._layers[0],
                self._block,
                self._spans,
                *self._layout,
            ),
        )

    def _where(self, *, pages: bool) -> tuple[Any, ...]:
        table = self._table()
        return (
            self._runner.num_computed_tokens,
            self._runner.query_start_loc.gpu,
            table.block_table.gpu,
            table.block_table.gpu.stride(0),
            *((self.pages,) if pages else ()),
            self._saved,
            table.slot_mapping.gpu,
            self._targets,
            self._block,
            self._spans,
            _wide(self._rows),
        )

    def _table(self) -> Any:
        return self._runner.input_batch.block_table.block_tables[0]

    def _launch(self, name: str, grid: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
        from collectors import staging_kernels

        staging_kernels.launch(name, grid, *arguments)


def _caches(runner: Any) -> list[Any]:
    """The KV caches of the model's layers, without those of a draft model."""
    layers = runner.vllm_config.compilation_config.static_forward_context
    found = []
    for name, layer in layers.items():
        cache = getattr(layer, "kv_cache", None)
        if isinstance(cache, (list, tuple)):
            cache = cache[0]
        if cache is not None and cache.numel() and not name.startswith("draft_model."):
            found.append(cache)
    if not found or {(one.ndim, one.stride(), one.dtype) for one in found} != {
        (4, found[0].stride(), found[0].dtype)
    }:
        raise ValueError("staging needs caches of the same four dimensions in all layers")
    return found


def _wide(rows: int) -> int:
    from collectors import staging_kernels

    return staging_kernels.wide(rows)
