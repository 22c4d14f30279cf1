"""Every question about a timeline, on random traces, against counting in plain Python."""

from __future__ import annotations
