"""What is read from a wheel of vLLM: made here, with a package that has everything, and one that lacks some."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

from tests.record import vllm_wheels

COLLECTORS = Path(vllm_wheels.ROOT) / "collectors"


def wheel(*without: str) -> zipfile.ZipFile:
    """A wheel with the names that are used, but for some."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for file, classes in vllm_wheels.USED.items():
            lines = []
            for owner, names in classes.items():
                kept = [name for name in names if name not in without]
                if not owner:
                    lines += [f"{name} = None" for name in kept]
                elif owner not in without:
                    lines += [f"class {owner}:", "    other = 1", *(f"    {name}: int = 0" for name in kept)]
            if file not in without:
                archive.writestr(file, "\n".join(lines))
    return zipfile.ZipFile(content)


def test_a_wheel_that_has_everything_lacks_nothing() -> None:
    assert vllm_wheels.lacking(wheel()) == []


def test_what_is_missing_is_named_with_its_file_and_class() -> None:
    assert vllm_wheels.lacking(
        wheel("synthetic_acceptance_rates", "AsyncLLM", "vllm/sampling_params.py")
    ) == [
        "vllm/config/speculative.py: SpeculativeConfig.synthetic_acceptance_rates",
        "vllm/v1/engine/async_llm.py: AsyncLLM",
        "vllm/sampling_params.py",
    ]


def test_names_of_bases_and_of_self_and_variables_in_a_table_count() -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("vllm/base.py", "class Base:\n    def start_profile(self): ...\n")
        archive.writestr(
            "vllm/entrypoints/llm.py",
            "from vllm.base import Base\n"
            "class LLM(Base):\n"
            "    def __init__(self):\n        self.llm_engine = 1\n"
            "    def generate(self): ...\n",
        )
        variables = vllm_wheels.USED["vllm/envs.py"][""]
        archive.writestr(
            "vllm/envs.py", "variables = {" + ", ".join(f'"{name}": 1' for name in variables) + "}"
        )
    missing = vllm_wheels.lacking(zipfile.ZipFile(content))
    assert [text for text in missing if "llm.py: LLM" in text] == [
        f"vllm/entrypoints/llm.py: LLM.{name}" for name in ("collective_rpc", "get_metrics", "stop_profile")
    ]
    assert not [text for text in missing if "envs" in text]


def test_everything_that_is_looked_for_is_used_by_a_collector() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in COLLECTORS.glob("*.py"))
    names = {name for classes in vllm_wheels.USED.values() for group in classes.values() for name in group}
    assert {name for name in names if not re.search(rf"\b{name}\b", code)} == set()
    for module, name in re.findall(r"from (vllm[.\w]*) import (\w+)", code):
        files = {module.replace(".", "/") + ".py", module.replace(".", "/") + "/"}
        known = {
            found
            for file, classes in vllm_wheels.USED.items()
            if any(file.startswith(prefix) for prefix in files) or module == "vllm"
            for found in [*classes, *classes.get("", ())]
        }
        assert name in known, f"{module}.{name} is imported, but no wheel is asked for it"


def test_the_range_is_that_of_the_project() -> None:
    assert vllm_wheels.supported() == ((0, 20), (0, 34))
