"""The first sheet of an Excel workbook (Office Open XML, ECMA-376) as rows of text: for files of assumptions.

Only values are read; a formula counts as the value that was stored with it.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from suanwang.errors import InvalidInput, Message, Problem, msg

PART_BYTES_MAX = 16 << 20
ROWS_MAX = 20_000
COLUMNS_MAX = 200
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")


def is_xlsx(content: bytes) -> bool:
    return content.startswith(b"PK\x03\x04")


def xlsx_as_csv(content: bytes, name: str) -> str:
    """The first sheet as CSV, a line for each row up to the last, so that the line is the row's number.

    Raises InvalidInput for what is no workbook, or larger than a file of assumptions may be.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sheets = sorted(
                (n for n in archive.namelist() if re.fullmatch(r"xl/worksheets/sheet\d+\.xml", n)),
                key=lambda n: int(re.sub(r"\D", "", n)),
            )
            if not sheets:
                raise _refuse(name, msg("there is no sheet in the workbook."))
            texts = _texts(archive, name)
            rows = dict(_rows(_tree(archive, sheets[0], name), texts, name))
    except (zipfile.BadZipFile, ElementTree.ParseError, KeyError, ValueError, IndexError) as error:
        raise _refuse(name, msg("this is not an Excel workbook that can be read.")) from error
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    for number in range(1, max(rows, default=0) + 1):
        writer.writerow(rows.get(number, []))
    return buffer.getvalue()


def _refuse(name: str, what: Message) -> InvalidInput:
    return InvalidInput([Problem(name, what, msg("Save it as .xlsx or as CSV, with the values on its first sheet."))])


def _tree(archive: zipfile.ZipFile, part: str, name: str) -> ElementTree.Element:
    if archive.getinfo(part).file_size > PART_BYTES_MAX:
        raise _refuse(name, msg("the workbook is too large for a file of assumptions."))
    content = archive.read(part)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise _refuse(name, msg("this is not an Excel workbook that can be read."))
    return ElementTree.fromstring(content)  # noqa: S314  # no entities: checked above


def _texts(archive: zipfile.ZipFile, name: str) -> list[str]:
    """Strings that cells share."""
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    items = _tree(archive, "xl/sharedStrings.xml", name).iterfind(f"{_MAIN}si")
    return ["".join(t.text or "" for t in item.iter(f"{_MAIN}t")) for item in items]


def _rows(sheet: ElementTree.Element, texts: list[str], name: str) -> Iterator[tuple[int, list[str]]]:
    for cell_row in sheet.iterfind(f"{_MAIN}sheetData/{_MAIN}row"):
        cells: dict[int, str] = {}
        number = int(cell_row.get("r", "0"))
        for cell in cell_row.iterfind(f"{_MAIN}c"):
            place = _PLACE.fullmatch(cell.get("r", ""))
            column, number = (_column(place[1]), int(place[2])) if place else (len(cells), number)
            if number > ROWS_MAX or column >= COLUMNS_MAX:
                raise _refuse(name, msg("the workbook is too large for a file of assumptions."))
            cells[column] = _value(cell, texts)
        yield number, [cells.get(column, "") for column in range(max(cells, default=-1) + 1)]


def _column(letters: str) -> int:
    """A is 0."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def _value(cell: ElementTree.Element, texts: list[str]) -> str:
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return "".join(t.text or "" for t in cell.iter(f"{_MAIN}t"))
    stored = cell.find(f"{_MAIN}v")
    text = (stored.text or "") if stored is not None else ""
    if kind == "s" and text:
        return texts[int(text)]
    if kind == "b":
        return "true" if text == "1" else "false"
    if kind == "n" and text:
        number = float(text)
        return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
    return text
