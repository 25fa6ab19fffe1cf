"""What was measured as a folder of catalog tables, with date and method: the catalog reads it over its own facts."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from suanwang.adapters.measure.bench import Device, Measured
from suanwang.domain.accelerator import Accelerator
from suanwang.errors import InvalidInput, Problem, msg, why_not_read

TERA, GIGA = 1e12, 1e9
SOURCE = "suanwang measure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best of the sizes, for one card: operations/s by dtype, bytes/s of memory and of an all-reduce."""

    flops_per_s: dict[str, float]
    memory_bytes_per_s: float | None
    all_reduce_bytes_per_s: float | None


def best_of(found: Sequence[Measured], cards: int) -> Best:
    """A figure of a device that is `cards` cards is divided by them."""

    def most(what: str, dtype: str = "") -> float | None:
        values = [m.value / cards for m in found if m.what == what and (not dtype or m.dtype == dtype)]
        return max(values, default=None)

    dtypes = dict.fromkeys(m.dtype for m in found if m.what == "matmul")
    return Best(
        flops_per_s={dtype: value for dtype in dtypes if (value := most("matmul", dtype)) is not None},
        memory_bytes_per_s=most("memory"),
        all_reduce_bytes_per_s=most("all_reduce"),
    )


def tables(
    best: Best, device: Device, accelerator: str, card: Accelerator | None, date: str
) -> dict[str, list[dict[str, str]]]:
    """Table -> rows. A card of the catalog gets efficiencies (measured over its peak, at most 1) and, where it has no
    peak, bare figures; one that the catalog does not have becomes a row whose peaks are what was measured.
    """
    method = f"largest of square products, {device.program}, {device.name}".replace("\n", " ")
    common = {"source": SOURCE, "date": date, "confidence": "measured"}
    result: dict[str, list[dict[str, str]]] = {"accelerators": [], "efficiencies": [], "measured": []}
    if card is None:
        row = {
            "id": accelerator,
            "vendor": "measured",
            "name": device.name,
            "kind": "cpu" if device.cards > 1 else "gpu",
        }
        row |= {peak(dtype): f"{value / TERA:.6g}" for dtype, value in best.flops_per_s.items()}
        if device.memory_bytes:
            row["memory_gb"] = f"{device.memory_bytes / device.cards / GIGA:.6g}"
        if best.memory_bytes_per_s:
            row["memory_gb_per_s"] = f"{best.memory_bytes_per_s / GIGA:.6g}"
        result["accelerators"].append(row | common | {"note": method})
    peaks = card.peak_flops_per_s if card else best.flops_per_s
    for dtype, value in best.flops_per_s.items():
        name = f"{accelerator}-{dtype}-measured"
        if dtype in peaks:
            ratio = {"ratio": f"{min(value / peaks[dtype], 1.0):.4f}"}
            if value <= peaks[dtype]:
                told = {"measured_tflops": f"{value / TERA:.6g}", "note": ""}
            else:
                told = {"measured_tflops": "", "note": above_peak(value, peaks[dtype])}
            result["efficiencies"].append(
                {"id": name, "accelerator": accelerator, "dtype": dtype} | ratio | {"method": method} | common | told
            )
        else:
            figure = {"value": f"{value / TERA:.6g}", "unit": "TFLOPS", "dtype": dtype}
            result["measured"].append(
                {"id": name, "name": f"{accelerator} {dtype}", "accelerator": accelerator}
                | figure
                | {"method": method}
                | common
            )
    wires = {
        "memory": (best.memory_bytes_per_s, card.memory_bytes_per_s if card else best.memory_bytes_per_s),
        "link": (best.all_reduce_bytes_per_s, card.link_bytes_per_s / 2 if card and card.link_bytes_per_s else None),
    }
    for what, (value_, nominal) in wires.items():
        if value_ and nominal:
            ratio = {"ratio": f"{min(value_ / nominal, 1.0):.4f}"}
            result["efficiencies"].append(
                {"id": f"{accelerator}-{what}-measured", "accelerator": accelerator, "dtype": what}
                | ratio
                | {"method": f"{'copy' if what == 'memory' else 'all-reduce'}, {device.program}"}
                | common
            )
    return {name: rows for name, rows in result.items() if rows}


def above_peak(flops_per_s: float, peak_flops_per_s: float) -> str:
    """What is said of a rate that is more than the catalog's peak (products in units that the peak does not count)."""
    return f"measured {flops_per_s / TERA:.1f} TFLOP/s, above the catalog's peak of {peak_flops_per_s / TERA:.1f}"


def peak(dtype: str) -> str:
    """Column of a peak."""
    return f"peak_{dtype}_{'tops' if dtype == 'int8' else 'tflops'}"


def write(folder: Path, rows: dict[str, list[dict[str, str]]]) -> list[Path]:
    """One file a table, whole or not at all; returns their paths. Raises InvalidInput where it cannot."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for table, entries in rows.items():
            path = folder / f"{table}.csv"
            draft = path.with_suffix(".csv.part")
            names = list(dict.fromkeys(name for entry in entries for name in entry))
            with draft.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
                writer.writeheader()
                writer.writerows(entries)
            draft.replace(path)
            written.append(path)
    except OSError as error:
        what = msg("The folder {folder} cannot be written: {why}.", folder=str(folder), why=why_not_read(error))
        raise InvalidInput([Problem("--out", what, msg("Name a folder that you may write to."))]) from error
    return written
