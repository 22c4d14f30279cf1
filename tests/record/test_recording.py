"""What a recording touches, what it is called, what it hands on, and what it says of itself."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import traceql
from traceql.cli import cli
from traceql.errors import CollectError
from traceql.read import sidecar
from traceql.record import (
    doctor,
    environment,
    interpreter,
    machine,
    naming,
    output,
    permissions,
    running,
    staging,
    written,
)
from traceql.store import decode

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(fakes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and an environment of which nothing but the fakes is known."""
    for name in list(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{fakes}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def collect(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["collect", *map(str, arguments)])


def beside(report: str) -> dict[str, Any]:
    return dict(json.loads(Path(f"{report}.run.json").read_text(encoding="utf-8")))


def refused(result: Result) -> CollectError:
    assert isinstance(result.exception, CollectError), result.output
    return result.exception


def files() -> set[str]:
    return {path.name for path in Path().iterdir()}


# --- only its own files ---------------------------------------------------------------------------------


def test_force_replaces_what_has_the_name_and_nothing_that_begins_like_it() -> None:
    for name in ("llama3.1", "llama31", "llama3_old"):
        Path(f"{name}.nsys-rep").write_text(name, encoding="utf-8")
        Path(f"{name}.nsys-rep.run.json").write_text("{}", encoding="utf-8")
    Path("llama3.nsys-rep").write_text("old", encoding="utf-8")
    assert "exists already" in refused(collect("nsys", "-o", "llama3", "true")).message
    assert collect("nsys", "--force", "-o", "llama3", "true").exit_code == 0
    for name in ("llama3.1", "llama31", "llama3_old"):
        assert Path(f"{name}.nsys-rep").read_text(encoding="utf-8") == name
    assert Path("llama3.nsys-rep").stat().st_size > 1000 and beside("llama3.nsys-rep")["exit_status"] == 0


def test_a_sidecar_that_is_left_is_not_taken_for_one_of_the_new_report() -> None:
    Path("run.nsys-rep.run.json").write_text("{}", encoding="utf-8")
    assert "or its sidecar does" in refused(collect("nsys", "-o", "run", "true")).message
    assert Path("run.nsys-rep.run.json").read_text(encoding="utf-8") == "{}"


def test_numbered_reports_of_before_are_not_taken_for_new_ones() -> None:
    Path("run.3.nsys-rep").write_text("old", encoding="utf-8")
    repeat = ("--capture", "profiler-api", "--repeat", 2)
    result = collect("nsys", *repeat, "-o", "run", "true")
    assert result.exit_code == 0 and "run.3" not in result.output
    assert (
        Path("run.3.nsys-rep").read_text(encoding="utf-8") == "old"
        and "run.3.nsys-rep.run.json" not in files()
    )
    assert {"run.1.nsys-rep.run.json", "run.2.nsys-rep.run.json"} <= files()
    # All of those that it would write must be free.
    Path("run.1.nsys-rep").unlink()
    Path("run.1.nsys-rep.run.json").unlink()
    assert "run.2.nsys-rep: exists already" in refused(collect("nsys", *repeat, "-o", "run", "true")).message


def test_a_name_that_was_taken_meanwhile_is_left_to_who_took_it() -> None:
    result = collect("nsys", "-o", "run", "--", "sh", "-c", "echo mine > run.nsys-rep")
    error = refused(result)
    assert "came to be there meanwhile" in error.message
    assert Path("run.nsys-rep").read_text(encoding="utf-8") == "mine\n"
    kept = error.remedy.removeprefix("What was recorded stays in ").removesuffix(".")
    assert Path(kept).stat().st_size > 1000 and Path(f"{kept}.run.json").exists()


def test_reports_that_are_being_recorded_are_none_of_a_folder_s() -> None:
    for folder in (".run.recording-x", "b"):
        Path(folder).mkdir()
        Path(folder, "run.nsys-rep").write_text("", encoding="utf-8")
    assert decode.find_reports(["."]) == [Path("b/run.nsys-rep").resolve()]


def test_what_the_importer_could_not_read_is_kept_and_named(mode: Path) -> None:
    mode.write_text("qdstrm", encoding="utf-8")
    error = refused(collect("nsys", "-o", "run", "true"))
    assert "run.qdstrm" in error.message and "traceql doctor" in error.remedy
    assert files() == {"run.qdstrm"}


def test_where_nothing_can_be_written_is_said() -> None:
    Path("file").write_text("", encoding="utf-8")
    for output_ in ("nowhere/run", "file/run", "/proc/run", "x" * 300):
        assert refused(collect("nsys", "-o", output_, "true")).remedy
    assert files() == {"file"}


# --- names ----------------------------------------------------------------------------------------------


def test_ranks_of_a_launcher_get_names_of_their_own() -> None:
    for name in ("RANK", "OMPI_COMM_WORLD_RANK", "SLURM_PROCID"):
        (found,) = islice(naming.names(None, ["python", "train.py"], "nsys", {name: "3"}), 1)
        assert (
            found.name.startswith("train_2") and f"_rank3_{os.uname().nodename.split('.')[0]}_" in found.name
        )
        assert found.name.endswith(f"_{os.getpid()}")


@pytest.mark.long
@pytest.mark.parametrize("names", ["ranks", "default", "%i"])
def test_four_recordings_at_once_make_four_reports_with_their_sidecars(names: str, here: Path) -> None:
    command = [sys.executable, "-m", "traceql", "collect", "nsys"]
    command += ["-o", "run_%i"] if names == "%i" else []
    started = [
        subprocess.Popen(
            [*command, *(["--env", f"RANK={rank}"] if names == "ranks" else []), "sh", "-c", "sleep 1"],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stderr=subprocess.DEVNULL,
        )
        for rank in range(4)
    ]
    assert [process.wait(timeout=60) for process in started] == [0] * 4
    reports = sorted(here.glob("*.nsys-rep"))
    assert len(reports) == 4 and all(sidecar.path_of(report).exists() for report in reports)
    if names == "%i":
        assert [report.stem for report in reports] == [f"run_{number}" for number in range(1, 5)]


def test_placeholders_are_filled_in_as_the_profilers_do() -> None:
    def first(given: str, **variables: str) -> str:
        return str(next(naming.names(Path(given), ["ls"], "nsys", variables)))

    assert first("run_%q{RANK}", RANK="3") == "run_3"
    assert first("out/%h/%p.nsys-rep") == f"out/{os.uname().nodename}/{os.getpid()}"
    assert first("100%%_%q{HOW}", HOW="a/b") == "100%_a_b"
    assert list(map(str, islice(naming.names(Path("r%i"), ["ls"], "ncu", {}), 3))) == ["r1", "r2", "r3"]
    with pytest.raises(CollectError, match="NOT_SET is not set"):
        first("run_%q{NOT_SET}")
    Path("r1.nsys-rep").write_text("", encoding="utf-8")
    assert collect("nsys", "-o", "r%i", "true").exit_code == 0
    assert collect("nsys", "-o", "50%%", "true").exit_code == 0
    assert {"r2.nsys-rep", "50%.nsys-rep", "50%.nsys-rep.run.json"} <= files()


def test_a_dry_run_shows_the_name_as_the_profiler_is_told_it(here: Path) -> None:
    # Run as it is shown, the command makes the report of that name: 50%q{RANK}.
    for tool, option in (("nsys", "--output"), ("ncu", "--export")):
        shown = collect(tool, "--dry-run", "-o", "50%%q{RANK}", "true").stdout
        assert f"'{option}=50%%q{{RANK}}'" in shown
    assert collect("nsys", "-o", "50%%q{RANK}", "true").exit_code == 0
    assert "--output=50%%q{RANK}" in beside("50%q{RANK}.nsys-rep")["command"]


@pytest.mark.parametrize("name", ["", ".nsys-rep", ".."])
def test_an_empty_name_is_refused(name: str) -> None:
    result = collect("nsys", "-o", name, "true")
    assert result.exit_code in (1, 2) and not files()
    assert result.exit_code == 2 or "names no file" in refused(result).message


# --- the environment ------------------------------------------------------------------------------------


def test_what_launchers_say_and_what_is_about_speed_is_handed_on_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handed = {
        *("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "SLURM_PROCID", "OMPI_COMM_WORLD_RANK"),
        *("NCCL_ALGO", "OMP_NUM_THREADS", "PYTORCH_CUDA_ALLOC_CONF", "VLLM_USE_V1", "CUDA_VISIBLE_DEVICES"),
    }
    kept_out = {"HF_TOKEN", "VLLM_API_KEY", "OPENAI_KEY", "NCCL_SECRET", "SLURM_JOB_USER", "EDITOR"}
    for name in handed | kept_out:
        monkeypatch.setenv(name, "0")
    result = collect("nsys", "-o", "run", "--", "sh", "-c", "env > seen")
    seen = {line.partition("=")[0] for line in Path("seen").read_text(encoding="utf-8").splitlines()}
    kept_out.add("PYTEST_CURRENT_TEST")
    assert handed <= seen and not kept_out & seen
    # By name, where it is read and where it is kept; no value anywhere.
    assert (
        f"kept out of the environment (--env NAME hands one on): {', '.join(sorted(kept_out))}"
        in result.output
    )
    told = beside("run.nsys-rep")["environment"]
    assert handed <= set(told["handed_on"]) and set(told["kept_out"]) == kept_out


def test_a_variable_counts_beside_the_whole_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "vi")
    collect(
        "nsys",
        "-o",
        "run",
        "--all-env",
        "--env",
        "EDITOR=emacs",
        "--env",
        "B=2",
        "--",
        "sh",
        "-c",
        "env > seen",
    )
    assert {"EDITOR=emacs", "B=2"} <= set(Path("seen").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    "arguments",
    [
        ("--metric", "ms=nan"),
        ("--metric", "ms=inf"),
        ("--metric", "=5"),
        ("--tag", "a=" + "x" * 2_001),
        ("--tag", "x" * 201 + "=a"),
        ("--tag", "a=\udcff"),
        ("--model", "\udcff"),
        ("--env", "=5"),
        [word for n in range(101) for word in ("--tag", f"t{n}=")],
    ],
    ids=lambda arguments: ascii(arguments[1])[:20],
)
def test_what_nobody_could_read_again_is_refused_before_anything_runs(arguments: tuple[str, ...]) -> None:
    assert refused(collect("nsys", "-o", "run", *arguments, "--", "touch", "ran")).message
    assert not files()


@pytest.mark.long
def test_arguments_need_not_be_unicode(here: Path) -> None:
    command = [sys.executable, "-m", "traceql", "collect", "nsys"]
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    asked = [*command, "--dry-run", "-o", "run", "ls", b"caf\xe9"]
    result = subprocess.run(asked, env=variables, capture_output=True, check=True)
    assert result.stdout.endswith(b"ls 'caf\xe9'\n")
    subprocess.run([*command, "-o", b"run\xe9", "true", b"caf\xe9"], env=variables, check=True)
    assert (
        json.loads(Path(os.fsdecode(b"run\xe9.nsys-rep.run.json")).read_text(encoding="utf-8"))["command"][-1]
        == "caf�"
    )


# --- what the sidecar says ------------------------------------------------------------------------------


def script(path: str, first: str) -> list[str]:
    Path(path).write_text(f"{first}\n", encoding="utf-8")
    Path(path).chmod(0o755)
    return [f"./{path}"]


def test_versions_are_those_of_the_python_that_runs() -> None:
    def asked(command: list[str]) -> list[str] | None:
        return interpreter.interpreter(command, dict(os.environ))

    assert asked(["python3.11", "a.py"]) == ["python3.11"]
    assert asked(script("vllm", "#!/opt/venv/bin/python")) == ["/opt/venv/bin/python"]
    assert asked(script("torchrun", "#!/usr/bin/env -S python3")) == ["python3"]
    long_path = '#!/bin/sh\n\'\'\'exec\' "/a path/bin/python" "$0" "$@"'
    assert asked(script("long", long_path)) == ["/a path/bin/python"]
    assert asked(["uv", "run", "--with", "torch", "-q", "a.py"]) == [
        *("uv", "run", "--with", "torch", "-q", "python"),
    ]
    assert asked(["env", "A=1", "numactl", "-N", "0", "python3", "a.py"]) == ["python3"]
    assert asked(["mpirun", "-n", "4", "./vllm"]) == ["/opt/venv/bin/python"]
    # Nothing is known of these, or what they run is no Python.
    for command in (["/bin/true"], ["sh", "a.sh"], script("shell", "#!/bin/bash"), ["./nowhere"], []):
        assert asked(command) is None
    Path("inline.py").write_text("# /// script\n# dependencies = []\n# ///\n", encoding="utf-8")
    assert asked(["uv", "run", "inline.py"]) is None


def test_a_program_that_is_no_python_has_no_versions_of_one() -> None:
    assert collect("nsys", "-o", "run", "true").exit_code == 0
    assert beside("run.nsys-rep")["versions"] == {}


SMI = """#!/bin/sh
if [ "$1" = -L ]; then
  echo "GPU 0: NVIDIA L4 (UUID: GPU-aaa)"; echo "GPU 1: NVIDIA H200 (UUID: GPU-bbb)"
  echo "  MIG 1g.18gb     Device  0: (UUID: MIG-ccc)"; exit
fi
echo "NVIDIA L4, 580.10, 23034, 210, 405, 2040, 6251, 72.00, 31, 8.9"
echo "NVIDIA H200, 580.10, 143771, 345, 2619, 1980, 3201, 700.00, [N/A], 9.0"
"""


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["NVIDIA L4", "NVIDIA H200"]),
        ("1", ["NVIDIA H200"]),
        ("1,0", ["NVIDIA H200", "NVIDIA L4"]),
        ("GPU-bb", ["NVIDIA H200"]),
        ("MIG-ccc", ["NVIDIA H200"]),
        ("0,7,1", ["NVIDIA L4"]),
        ("", []),
    ],
)
def test_the_gpus_meant_are_those_that_the_command_sees(
    visible: str | None, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    script("nvidia-smi", SMI.removesuffix("\n"))
    monkeypatch.setenv("PATH", f"{Path().resolve()}:/usr/bin:/bin")
    found = machine.gpus({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    assert [gpu["name"] for gpu in found] == names
    # A driver is no number, and what is not known is absent.
    assert all(gpu["driver"] == "580.10" for gpu in found)
    assert [("temperature_c" in gpu) for gpu in found] == [name == "NVIDIA L4" for name in names]


def test_secrets_among_the_arguments_are_masked() -> None:
    words = ["serve", "--api-key", "k1", "--hf_token=k2", "HF_TOKEN=k3", '{"api_key": "k4", "n": 8}']
    words += ["http://me:k5@host/v1", "hf_abcdefghijklmnop", "--max-tokens", "128", "--tokenizer", "llama"]
    assert collect("nsys", "-o", "run", "--", "true", *words).exit_code == 0
    command = " ".join(beside("run.nsys-rep")["command"])
    assert not any(secret in command for secret in ("k1", "k2", "k3", "k4", "k5", "hf_abc"))
    assert "--max-tokens 128 --tokenizer llama" in command and '"n": 8' in command


def said_at_ingest(report: str) -> list[str]:
    """What ingest says about the sidecar of a report."""
    with traceql.open(":memory:") as db:
        return [warning for warning in db.ingest(report).warnings if ".run.json" in warning]


@pytest.mark.long
def test_a_sidecar_of_another_report_is_noticed() -> None:
    collect("nsys", "-o", "run", "true")
    assert said_at_ingest("run.nsys-rep") == []
    Path("run.nsys-rep").rename("other.nsys-rep")
    Path("run.nsys-rep.run.json").rename("other.nsys-rep.run.json")
    (warning,) = said_at_ingest("other.nsys-rep")
    assert warning == (
        "The sidecar may be another report's: it was written for run.nsys-rep (other.nsys-rep.run.json)."
    )
    content = beside("other.nsys-rep")
    size = content["report_bytes"]
    for changed, about in (
        ({"report": "other.nsys-rep", "report_bytes": 7}, f"a report of 7 bytes, not {size:,}"),
        (
            {"profiler": {"name": "ncu", "version": "1"}},
            "was not used: other.nsys-rep.run.json is of a report of ncu",
        ),
    ):
        Path("other.nsys-rep.run.json").write_text(json.dumps({**content, **changed}), encoding="utf-8")
        (warning,) = said_at_ingest("other.nsys-rep")
        assert about in warning


@pytest.mark.long
def test_an_interrupted_recording_is_a_warning_of_its_trace() -> None:
    collect("nsys", "-o", "run", "true")
    Path("run.nsys-rep.run.json").write_text(
        json.dumps({**beside("run.nsys-rep"), "interrupted": True}), encoding="utf-8"
    )
    assert said_at_ingest("run.nsys-rep") == ["The recording was interrupted (run.nsys-rep.run.json)."]


def test_a_sidecar_that_finds_no_room_is_an_error_and_the_report_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    error = refused(collect("nsys", "-o", "run", "true"))
    assert "No space left on device" in error.message
    assert list(Path().glob(".run.recording-*/run.nsys-rep"))


# --- counters -------------------------------------------------------------------------------------------


@pytest.mark.long
def test_refused_counters_are_answered_with_the_remedy(mode: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mode.write_text("refused", encoding="utf-8")
    for where, remedy in (
        ("docker", "docker run --cap-add=SYS_ADMIN"),
        ("kubernetes", 'securityContext.capabilities.add: ["SYS_ADMIN"]'),
        (None, "Run as root"),
    ):
        monkeypatch.setattr(permissions, "container", lambda where=where: where)
        error = refused(collect("ncu", "-o", "run", "true"))
        assert remedy in error.remedy and "NVreg_RestrictProfilingToAdminUsers=0" in error.remedy


@pytest.mark.long
def test_without_a_report_the_driver_s_setting_is_looked_at(
    mode: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Output on a terminal is handed on unseen.
    mode.write_text("none", encoding="utf-8")
    (here / "params").write_text("RmProfilingAdminOnly: 1\n")
    (here / "status").write_text("CapEff:\t0000000000000000\n")
    monkeypatch.setattr(permissions, "STATUS", here / "status")
    assert "CAP" not in refused(collect("ncu", "-o", "run", "true")).remedy
    monkeypatch.setattr(permissions, "DRIVER_PARAMETERS", here / "params")
    assert "ERR_NVGPUCTRPERM" in refused(collect("ncu", "-o", "run", "true")).remedy
    assert "ERR_NVGPUCTRPERM" not in refused(collect("nsys", "-o", "run", "true")).remedy


@pytest.mark.parametrize("limit", ["0", "-1", "nan"])
def test_a_time_limit_is_a_time(limit: str) -> None:
    result = collect("nsys", "-o", "run", "--timeout", limit, "true")
    assert result.exit_code == 2 or "is no time limit" in refused(result).message
    assert not files()


@pytest.mark.parametrize("importer", [True, False])
def test_the_doctor_looks_for_the_importer_of_nsys(
    importer: bool, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "nsight/target-linux-x64").mkdir(parents=True)
    (here / "nsight/host-linux-x64").mkdir()
    script("nsight/target-linux-x64/nsys", "#!/bin/sh")
    if importer:
        (here / "nsight/host-linux-x64/QdstrmImporter").touch()
    (here / "bin").mkdir()
    (here / "bin/nsys").symlink_to(here / "nsight/target-linux-x64/nsys")
    monkeypatch.setenv("PATH", f"{here}/bin:/usr/bin:/bin")
    (check,) = doctor._importer()
    assert check.ok == importer and bool(check.remedy) != importer


# --- output ---------------------------------------------------------------------------------------------


def test_of_a_long_line_the_beginning_is_heard() -> None:
    heard: list[str] = []
    command = f"head -c {5 * output.MAX_LINE_BYTES} /dev/zero | tr '\\0' x; echo; echo after"
    outcome = running.run(["/bin/sh", "-c", command], {"PATH": "/usr/bin:/bin"}, on_line=heard.append)
    assert outcome.status == 0
    assert len(heard[0]) == output.MAX_LINE_BYTES and heard[1:] == ["after"]


def test_a_log_that_finds_no_room_does_not_end_what_is_measured() -> None:
    heard: list[str] = []
    outcome = running.run(["/bin/echo", "a"], {}, on_line=heard.append, log=Path("/dev/full"))
    assert outcome.status == 0 and heard == ["a"]


def test_what_is_given_up_is_not_left_half_written(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path("table.csv")
    written.write_whole(path, "whole")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(CollectError, match="broken"):
        written.write_whole(path, "half")
    assert path.read_text(encoding="utf-8") == "whole" and files() == {"table.csv"}


def test_names_that_only_look_like_secrets_are_none() -> None:
    assert not any(map(environment.is_secret, ("TOKENIZERS_PARALLELISM", "KEYBOARD", "MAX_TOKENS", "MONKEY")))
    assert all(
        map(environment.is_secret, ("HF_TOKEN", "WANDB_API_KEY", "AWS_SECRET_ACCESS_KEY", "db_password"))
    )


def test_a_folder_that_cannot_be_staged_in_is_an_error() -> None:
    with pytest.raises(CollectError, match="no such folder"), staging.staged(Path("nowhere/run")):
        pass
