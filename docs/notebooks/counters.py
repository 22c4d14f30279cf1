"""Two reports of Nsight Compute, from the counters to a conclusion: a notebook for marimo."""

import marimo

__generated_with = "0.25.2"
app = marimo.App()


@app.cell
def _():
    import marimo as mo
    import polars as pl

    import traceql

    return mo, pl, traceql


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    # What holds these kernels back, and what did a change save?

    The first report has counters of the kernels of two layers of Llama-3.1-8B on an H200. The other two
    have those of a workload that writes the KV cache of speculative decoding: the baseline a row for
    every draft, NWOR only for those that were accepted. All come with the repository; no GPU and no
    NVIDIA tool is needed here.
    """)


@app.cell
def _(mo, traceql):
    reports = mo.notebook_dir().parent.parent / "tests" / "fixtures" / "reports"
    db = traceql.open(":memory:")
    for name in ("llama_roofline", "scv_baseline_vectorized", "scv_nwor_vectorized"):
        db.ingest(reports / f"{name}.ncu-rep.xz")
    return (db,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## What holds them back?

    `speed_of_light` says how close each kernel comes to the peaks of the SMs and of the memory, with
    the verdict of ncu's own rule.
    """)


@app.cell
def _(db):
    light = db.ask("speed_of_light", trace="llama_roofline")
    light
    return (light,)


@app.cell
def _(light, pl):
    verdicts = (
        light.frame()
        .group_by("verdict")
        .agg(pl.len().alias("kernels"), pl.col("gpu_ns").sum())
        .with_columns((100 * pl.col("gpu_ns") / pl.col("gpu_ns").sum()).alias("share_pct"))
        .sort("share_pct", descending=True)
    )
    verdicts
    return (verdicts,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    The roofline says the same by FLOP and bytes: products of the prefill lie under the peak of the
    tensor cores, those of decoding under the bandwidth of the DRAM, because they read each weight for
    eight tokens only.
    """)


@app.cell
def _(db):
    db.chart("kernel_roofline", trace="llama_roofline")


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## What did NWOR save?

    The baseline wrote 576 rows of the cache in two steps, NWOR 336. Those numbers are not in the
    reports: a frame of ours has them, and SQL joins it with the counters.
    """)


@app.cell
def _(db, pl):
    rows = pl.DataFrame(
        {
            "trace": ["scv_baseline_vectorized", "scv_nwor_vectorized"],
            "path": ["step/kv_write", "step/nwor_commit"],
            "rows": [576, 336],
        }
    )
    written = db.sql(
        """
        SELECT trace, rows, dram_write_bytes, dram_write_bytes / rows AS bytes_per_row
        FROM counted JOIN rows USING (trace)
        WHERE counted.group_name = rows.path
        ORDER BY trace
        """,
        frames={"rows": rows, "counted": db.ask("dram_traffic", trace="scv_*")},
    )
    written
    return (written,)


@app.cell(hide_code=True)
def _(mo):
    mo.md("""
    ## Conclusion
    """)


@app.cell
def _(mo, verdicts, written):
    near_peak = verdicts.filter(verdict="high")["share_pct"].item()
    by_memory = verdicts.filter(verdict="memory")["share_pct"].item()
    before, after = written["dram_write_bytes"]
    rows_before, rows_after = written["rows"]
    fewer_bytes, fewer_rows = 100 * (1 - after / before), 100 * (1 - rows_after / rows_before)
    conclusion = (
        f"Of the time of the model's kernels {near_peak:.0f} % is near a peak, and {by_memory:.0f} % is held "
        f"back by memory. NWOR writes {fewer_bytes:.0f} % fewer bytes to DRAM in the ranges that write, for "
        f"{fewer_rows:.0f} % fewer rows."
    )
    # As a program, this notebook says so on standard output.
    print(conclusion)
    mo.md(conclusion)


if __name__ == "__main__":
    app.run()
