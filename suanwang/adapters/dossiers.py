"""Dossiers of a voucher office as folders of CSV tables."""

import csv
from collections.abc import Sequence
from pathlib import Path

from suanwang.domain.dossier import Dossier
from suanwang.domain.money import Money
from suanwang.errors import InvalidInput, Problem, msg, why_not_read
from suanwang.schemas.dossier import COLUMNS, read_dossier, write_dossier

SIZE_BYTES_MAX = 1 << 28


def load_dossier(folder: str, currency: str, thresholds: Sequence[Money]) -> Dossier:
    """The tables of a folder. Raises InvalidInput with every problem."""
    tables: dict[str, str] = {}
    problems = []
    for name in COLUMNS:
        path = Path(folder) / f"{name}.csv"
        if not path.exists():
            continue
        try:
            if path.stat().st_size > SIZE_BYTES_MAX:
                what = msg("the file is larger than {limit} bytes.", limit=SIZE_BYTES_MAX)
                problems.append(Problem(str(path), what, msg("Split it, or leave out what is not needed.")))
            else:
                tables[name] = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            problems.append(Problem(str(path), msg("the file is not UTF-8."), msg("Save it as UTF-8 text.")))
        except OSError as error:
            what = msg("The file cannot be read: {why}.", why=why_not_read(error))
            problems.append(Problem(str(path), what, msg("Check the path and its rights.")))
    if problems:
        raise InvalidInput(problems)
    return read_dossier(tables, folder.rstrip("/"), currency, thresholds)


def save_dossier(dossier: Dossier, folder: str) -> None:
    """Write the tables into a folder, made if need be. Raises InvalidInput where that cannot be."""
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, rows in write_dossier(dossier).items():
            with (Path(folder) / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows(rows)
    except OSError as error:
        what = msg("The folder {folder} cannot be made: {why}.", folder=folder, why=why_not_read(error))
        raise InvalidInput([Problem(folder, what, msg("Name a folder that you may write to."))]) from error
