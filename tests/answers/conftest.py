"""The modules of cases are data: `test_answers` loads them."""

collect_ignore_glob = ["*/*.py"]
