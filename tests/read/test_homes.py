"""Home folders and names of users in texts are shortened, other paths stay."""

from __future__ import annotations

import pyarrow as pa
import pytest

from traceql.read.homes import Homes

CASES = {
    "/home/alice/a/b.py:45": "~/a/b.py:45",
    "failed\n/root/Documents/NVIDIA Nsight Compute/x.py": "failed\n~/Documents/NVIDIA Nsight Compute/x.py",
    "see '/home/alice' or (/Users/Bob/x), file:///home/alice/y": "see '~' or (~/x), file://~/y",
    "--out=/home/alice/x PATH=/home/alice/bin:/root:/usr/bin": "--out=~/x PATH=~/bin:~:/usr/bin",
    r"C:\Users\Al Bo\my files\x.cu(12)": r"~\my files\x.cu(12)",
    r"D:\\Users\\alice\\x and c:/Users/alice": r"~\\x and ~",
    "/mnt/home/alice/x": "/mnt/home/~/x",
    "/usr/local/cuda/home.h /rootfs/x a/root/b /opt/Users.txt": "/usr/local/cuda/home.h /rootfs/x a/root/b /opt/Users.txt",
    "root cause at home": "root cause at home",
    "": "",
}  # fmt: skip


@pytest.mark.parametrize("text", CASES)
def test_texts_and_columns_are_shortened_alike(text: str) -> None:
    homes = Homes()
    assert homes.shortened(text) == CASES[text]
    plain = pa.array([text, None, "x"])
    for column in (plain, plain.dictionary_encode(), plain.cast(pa.large_string())):
        table = homes.shortened_table(pa.table({"text": column, "number": [1, 2, 3]}))
        assert table.schema == pa.table({"text": column, "number": [1, 2, 3]}).schema
        assert table["text"].to_pylist() == [CASES[text], None, "x"]


@pytest.mark.parametrize(
    "environment",
    [
        [("ENVIRONMENT_VARIABLE", "HOME=/gpfs/u/alice"), ("USER_NAME", "alice")],
        [("HOME", "/gpfs/u/alice"), ("USER", "alice")],
        [("ENVIRONMENT", "A=b\0HOME=/gpfs/u/alice/\0LOGNAME=alice\0C=d")],
    ],
)
def test_what_the_reports_own_environment_names_is_shortened_wherever_it_lies(
    environment: list[tuple[str, str]],
) -> None:
    homes = Homes(environment)
    text = "at /gpfs/u/alice/x.py, /scratch/alice/y and /gpfs/u/alice2/z: alice"
    assert homes.shortened(text) == "at ~/x.py, /scratch/<user>/y and /gpfs/u/alice2/z: alice"
    assert homes.shortened_table(pa.table({"a": [text]}))["a"].to_pylist() == [homes.shortened(text)]


def test_users_that_machines_come_with_are_no_names_and_no_home_is_the_whole_disk() -> None:
    homes = Homes([("USER", "root"), ("HOME", "/"), ("HOME", "/data"), ("USER", "cuda")])
    assert homes.shortened("/usr/cuda/root/data /data/x") == "/usr/cuda/root/data /data/x"
