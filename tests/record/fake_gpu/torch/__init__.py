"""As much of torch as the vLLM workers touch, without a GPU; CALLS logs it where FAKE_CALLS names a file."""

from torch import cuda as cuda
