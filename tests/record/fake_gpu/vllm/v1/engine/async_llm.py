from vllm import AsyncLLM as AsyncLLM
