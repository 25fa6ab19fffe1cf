"""CSV tables that a user gives to a command."""

import csv
import io

from suanwang.errors import InvalidInput, Problem, msg


def read_table(text: str, path: str) -> list[dict[str, str | None]]:
    """Rows by the names of the heading line. Raises InvalidInput for a file without a heading or a row.

    Cells that a row has beyond the heading are read over; cells that it lacks are None.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    try:
        rows = [{name: cell for name, cell in row.items() if name} for row in reader]
    except csv.Error as wrong:
        place = f"{path}:{reader.line_num}"
        raise InvalidInput(
            [Problem(place, msg("not a CSV table: {why}", why=str(wrong)), msg("Save the table as CSV."))]
        ) from wrong
    if not rows:
        raise InvalidInput(
            [Problem(f"{path}:1", msg("the table has no rows"), msg("Give a CSV table with a heading and rows."))]
        )
    return rows
