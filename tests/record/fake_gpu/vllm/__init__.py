"""As much of vLLM as the workers touch: an engine whose steps yield tokens, and layers that can be wrapped."""

import asyncio
import importlib
import os
import pickle
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

from torch import cuda


@dataclass
class SamplingParams:
    max_tokens: int
    temperature: float = 1.0
    ignore_eos: bool = False
    detokenize: bool = True
    output_kind: object = None


class Tensor:
    """Rows of hidden states, in name."""

    def __init__(self, rows):
        self.shape = (rows, 8)
        self.ndim = 2

    def is_floating_point(self):
        return True


class Module:
    def __init__(self, *children):
        self._children = list(children)

    def children(self):
        return self._children

    def forward(self, *args, **kwargs):
        for child in self._children:
            child.forward(*args, **kwargs)

    def __call__(self, *args, **kwargs):
        return self.forward(*args, **kwargs)


def module(name, *children):
    return type(name, (Module,), {})(*children)


class ModuleList(list):
    pass


class Parameter:
    dtype = SimpleNamespace(is_floating_point=True)

    def __init__(self, count):
        self.count = count

    def numel(self):
        return self.count

    def element_size(self):
        return 2


class Llama:
    """Two layers."""

    def __init__(self):
        self.layers = ModuleList(
            module("LlamaDecoderLayer", module("LlamaAttention"), module("LlamaMLP"), module("RMSNorm"))
            for _ in range(2)
        )

    def named_modules(self):
        yield "model.layers", self.layers
        yield "model.layers.0.experts", ModuleList()

    def named_parameters(self):
        yield "model.embed_tokens.weight", Parameter(100)
        yield "model.layers.0.mlp.weight", Parameter(1000)
        yield "lm_head.weight", Parameter(100)

    def forward(self, rows):
        for layer in self.layers:
            layer(None, Tensor(rows))


def resolved(arguments):
    """What the engine makes of its arguments, as a worker has it."""
    compilation = {"mode": 3, "cudagraph_mode": "FULL_AND_PIECEWISE", "cudagraph_capture_sizes": [1, 2, 4, 8]}
    compilation |= arguments.get("compilation_config", {})
    if arguments.get("enforce_eager"):
        compilation = {"mode": 0, "cudagraph_mode": "NONE", "cudagraph_capture_sizes": []}
    compilation["cudagraph_mode"] = SimpleNamespace(name=compilation["cudagraph_mode"])
    backend = SimpleNamespace(get_name=lambda: "FLASH_ATTN")
    layers = {"layers.0.attn": SimpleNamespace(get_attn_backend=lambda: backend), "layers.0.moe": object()}
    return SimpleNamespace(
        cache_config=SimpleNamespace(
            cache_dtype=arguments.get("kv_cache_dtype", "auto"),
            block_size=16,
            enable_prefix_caching=arguments.get("enable_prefix_caching", True),
        ),
        parallel_config=SimpleNamespace(
            tensor_parallel_size=arguments.get("tensor_parallel_size", 1),
            pipeline_parallel_size=arguments.get("pipeline_parallel_size", 1),
            data_parallel_size=1,
            enable_expert_parallel=False,
        ),
        scheduler_config=SimpleNamespace(
            async_scheduling=arguments.get("async_scheduling", True),
            enable_chunked_prefill=True,
            max_num_seqs=arguments.get("max_num_seqs", 256),
            max_num_batched_tokens=arguments.get("max_num_batched_tokens", 8192),
        ),
        compilation_config=SimpleNamespace(**compilation, static_forward_context=layers),
        model_config=SimpleNamespace(
            dtype="torch.bfloat16",
            quantization=arguments.get("quantization"),
            max_model_len=arguments.get("max_model_len", 131072),
        ),
    )


class Workers:
    """A worker for each rank, which get what can be sent to another process."""

    def __init__(self, arguments):
        module, _, name = arguments["worker_extension_cls"].rpartition(".")
        kind = type("Worker", (getattr(importlib.import_module(module), name),), {})
        parallel = resolved(arguments).parallel_config
        ranks = parallel.tensor_parallel_size * parallel.pipeline_parallel_size
        self.models = [Llama() for _ in range(ranks)]
        self.workers = []
        for rank, model in enumerate(self.models):
            worker = kind()
            worker.vllm_config, worker.rank = resolved(arguments), rank
            worker.get_model = lambda model=model: model
            self.workers.append(worker)

    def ask(self, method, arguments):
        sent = pickle.dumps((method, arguments))
        answers = []
        for worker in self.workers:
            cuda.RANK = worker.rank
            method, arguments = pickle.loads(sent)
            answers.append(pickle.loads(pickle.dumps(getattr(worker, method)(*arguments))))
        cuda.RANK = 0
        return answers


@dataclass
class Request:
    request_id: str
    prompt: int
    wanted: int
    done: int = 0
    num_preemptions: int = 0
    made: list = field(default_factory=list)


class Engine:
    def __init__(self, models, chunk, config):
        self.models = models
        self.vllm_config = config
        self.begun = False
        self.chunk = chunk
        self.requests = []
        self.scheduler = SimpleNamespace(running=[], waiting=[], kv_cache_manager=SimpleNamespace(usage=0.0))
        self.engine_core = SimpleNamespace(
            engine_core=SimpleNamespace(scheduler=self.scheduler), get_output=self.get_output
        )
        self.model_config = SimpleNamespace(
            get_vocab_size=lambda: 1000,
            hf_config=SimpleNamespace(to_dict=lambda: {"tie_word_embeddings": False}),
        )

    def step(self):
        self.engine_core.get_output()

    def get_output(self):
        pipeline = self.vllm_config.parallel_config.pipeline_parallel_size > 1
        if pipeline and not self.begun:
            self.begun = True
            return SimpleNamespace(outputs=[])
        self.begun = False
        made = sum(len(request.made) for request in self.requests)
        self.work()
        return SimpleNamespace(outputs=[1] * (sum(len(request.made) for request in self.requests) - made))

    def work(self):
        time.sleep(float(os.environ.get("FAKE_STEP_S", 0)))
        room = self.chunk
        for request in self.requests:
            if len(request.made) == request.wanted:
                continue
            rows = min(room, request.prompt - request.done) if request.done < request.prompt else 1
            if rows == 0:
                continue
            for rank, model in enumerate(self.models):
                cuda.RANK = rank
                model.forward(rows)
            cuda.RANK = 0
            request.done += rows
            room -= rows
            if request.done >= request.prompt:
                request.made.append(7)
        scheduler = self.scheduler
        scheduler.running = [r for r in self.requests if r.done and len(r.made) < r.wanted]
        scheduler.waiting = [r for r in self.requests if not r.done]
        # Of a cache for 100 tokens.
        scheduler.kv_cache_manager.usage = sum(r.done for r in scheduler.running) / 100

    def busy(self):
        return any(len(request.made) < request.wanted for request in self.requests)


class LLM:
    def __init__(self, **arguments):
        if os.environ.get("FAKE_NO_START"):
            os._exit(7)
        self.arguments = arguments
        self.workers = Workers(arguments)
        self.llm_engine = Engine(
            self.workers.models, arguments["max_num_batched_tokens"], resolved(arguments)
        )
        self.generated = 0

    def collective_rpc(self, method, timeout=None, args=()):
        return self.workers.ask(method, args)

    def generate(self, prompts, sampling, use_tqdm=True):
        if len(prompts) == int(os.environ.get("FAKE_FAILING_BATCH", 0)):
            raise RuntimeError("CUDA out of memory\nand more")
        if len(prompts) == int(os.environ.get("FAKE_DEADLY_BATCH", 0)):
            os._exit(139)
        if len(prompts) == int(os.environ.get("FAKE_SLOW_BATCH", 0)):
            time.sleep(60)
        requests = [
            Request(str(n), len(p["prompt_token_ids"]), sampling.max_tokens) for n, p in enumerate(prompts)
        ]
        self.llm_engine.requests = requests
        while self.llm_engine.busy():
            self.llm_engine.step()
        self.generated += len(prompts)
        return [SimpleNamespace(outputs=[SimpleNamespace(token_ids=request.made)]) for request in requests]

    def get_metrics(self):
        if not self.arguments.get("speculative_config"):
            return []
        number = self.generated
        return [
            SimpleNamespace(name="vllm:spec_decode_num_drafts", labels={}, value=10 * number),
            SimpleNamespace(name="vllm:spec_decode_num_draft_tokens", labels={}, value=40 * number),
            SimpleNamespace(name="vllm:spec_decode_num_accepted_tokens", labels={}, value=20 * number),
            SimpleNamespace(
                name="vllm:spec_decode_num_accepted_tokens_per_pos",
                labels={},
                values=[8 * number, 6 * number, 4 * number, 2 * number],
            ),
            SimpleNamespace(name="vllm:num_preemptions", labels={}, value=0),
        ]


class AsyncLLM:
    model_config = SimpleNamespace(get_vocab_size=lambda: 1000)

    @classmethod
    def from_engine_args(cls, arguments, stat_loggers=()):
        server = cls()
        server.arguments = arguments.arguments
        server.loggers = [make(None, 0) for make in stat_loggers]
        server.running = 0
        return server

    async def collective_rpc(self, method, timeout=None, args=()):
        return Workers(self.arguments).ask(method, args)

    async def generate(self, prompt, sampling, request_id):
        # A client that is busy, and so sends late.
        time.sleep(float(os.environ.get("FAKE_BUSY_S", 0)))
        self.running += 1
        for number in range(sampling.max_tokens):
            await asyncio.sleep(0)
            stats = SimpleNamespace(num_running_reqs=self.running, num_waiting_reqs=0, kv_cache_usage=0.25)
            for logger in self.loggers:
                logger.record(stats, SimpleNamespace(num_preempted_reqs=0), engine_idx=0)
            self.running -= number == sampling.max_tokens - 1
            yield SimpleNamespace(outputs=[SimpleNamespace(token_ids=[7])])

    async def start_profile(self):
        from torch.cuda import log

        log("start")

    async def stop_profile(self):
        from torch.cuda import log

        log("stop")

    def shutdown(self):
        pass
