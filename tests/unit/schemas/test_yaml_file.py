"""YAML as data: the core schema, lines, and everything that is refused, quickly."""

import time

import pytest

from suanwang.errors import InvalidInput, Problem
from suanwang.schemas.findings import Findings
from suanwang.schemas.yaml_file import DEPTH_MAX, SIZE_BYTES_MAX, VALUES_MAX, decode, read_yaml, spell

BILLION_LAUGHS = 'a: &a ["lol","lol"]\n' + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)},*{chr(97 + i)}]\n" for i in range(9)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("2e3", 2000.0),
        ("8:30", "8:30"),
        ("0x10", "0x10"),
        ("1_000", "1_000"),
        ("2026-08-01", "2026-08-01"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("~", None),
        ("", None),
        ("null", None),
        ("80 GB", "80 GB"),
        ("9" * 41, "9" * 41),
        ("{a: 1, 8: x}", {"a": 1, "8": "x"}),
        ("[1, [2, 3], {}]", [1, [2, 3], {}]),
        ("'\U0001f600 算力'", "\U0001f600 算力"),
    ],
)
def test_scalars_are_read_by_the_core_schema(text: str, value: object) -> None:
    document = read_yaml(f"x: {text}\n", "f.yaml")
    assert document.data == {"x": value}
    assert type(document.data["x"]) is type(value)


def test_each_path_has_its_line() -> None:
    document = read_yaml("a:\n  - b: 1\n    c:\n      d: 2\n  - e\n", "f.yaml")
    assert document.place(("a", 0, "c", "d")) == "f.yaml:4 a[0].c.d"
    assert document.place(("a", 1)) == "f.yaml:5 a[1]"
    assert document.place(("a", 0, "missing", "deeper")) == "f.yaml:2 a[0].missing.deeper"
    assert document.place(()) == "f.yaml:1"
    assert spell(("pools", 0, "price_book")) == "pools[0].price_book"


def problems(text: str) -> list[Problem]:
    """What is wrong with a text, whether it keeps the rest from being read or not."""
    try:
        findings = Findings(read_yaml(text, "f.yaml"))
        findings.raise_any()
    except InvalidInput as refused:
        return list(refused.problems)
    return []


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (BILLION_LAUGHS, "f.yaml:1", "anchors (&a)"),
        ("a: 1\nb: *a", "f.yaml:2", "aliases (*a)"),
        ("a: 1\n---\nb: 2", "f.yaml:2", "second document"),
        ("a: !!python/object/apply:os.system [ls]", "f.yaml:1", "tags (tag:yaml.org,2002:python/object/apply"),
        ("a: !env HOME", "f.yaml:1", "tags (!env)"),
        ("a: !!binary aGk=", "f.yaml:1", "tags"),
        ("a: 1\n? [b]\n: 2", "f.yaml:2", "a key is a list or a mapping"),
        ("a: [1\nb: 2", "f.yaml:2", "not readable as YAML"),
        ("a:\n\tb: 1", "f.yaml:2", "not readable as YAML"),
        ("a: x\x00y", "f.yaml:1", "character that a text file may not have"),
        ("a: \ud800", "f.yaml:1", "character that a text file may not have"),
        ("a: \x07", "f.yaml:1", "character that a text file may not have"),
        ("a: 1\nb: 2\na: 3", "f.yaml:3 a", "a is given twice (first on line 1)"),
        ("x:\n  a: 1\n  a: 3", "f.yaml:3 x.a", "a is given twice (first on line 2)"),
        ("a: .inf", "f.yaml:1 a", ".inf is not a finite number"),
        ("a: [1, -.Inf]", "f.yaml:1 a[1]", "-.Inf is not a finite number"),
        ("a: .nan", "f.yaml:1 a", ".nan is not a finite number"),
        ("a: 1e999", "f.yaml:1 a", "1e999 is not a finite number"),
    ],
)
def test_what_is_not_plain_data_is_refused(text: str, place: str, message: str) -> None:
    (problem,) = problems(text)
    assert problem.place == place
    assert message in str(problem.message)
    assert str(problem.remedy)


def test_doubled_keys_and_infinite_numbers_are_reported_together() -> None:
    found = problems("a: 1\na: .nan\nb: [.inf]\nb: 2\n")
    assert [p.place for p in found] == ["f.yaml:2 a", "f.yaml:2 a", "f.yaml:3 b[0]", "f.yaml:4 b"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 10_000_000, "10000000 bytes"),
        ("[" * 1_000_000, "nested deeper"),
        ("- " * 400_000, "nested deeper"),
        ("{a: " * 200_000, "nested deeper"),
        ("? " * 400_000, "a key is a list or a mapping"),
        ("- x\n" * 200_000, "more than 50000 values"),
        ("a:\n" * 200_000, "more than 50000 values"),
        ("\U0001f4a3" * 300_000, "1200000 bytes"),
        ("x: \x00" + "a" * 1_000_000, "character"),
        ('x: "' + "\\U0001F4A3" * 100_000, "not readable"),
    ],
    ids=["10 MB", "flow", "block", "mappings", "keys", "list", "mapping", "emoji", "nul", "escapes"],
)
def test_bombs_are_refused_within_a_second(text: str, message: str) -> None:
    start = time.process_time()
    with pytest.raises(InvalidInput) as raised:
        read_yaml(text, "f.yaml")
    assert time.process_time() - start < 1
    assert message in str(raised.value)


def test_the_limits_themselves_are_admitted() -> None:
    assert read_yaml("[" * DEPTH_MAX + "]" * DEPTH_MAX, "f.yaml").data
    data = read_yaml("- x\n" * (VALUES_MAX - 1), "f.yaml").data
    assert isinstance(data, list)
    assert len(data) == VALUES_MAX - 1
    assert read_yaml("a: " + "x" * (SIZE_BYTES_MAX - 3), "f.yaml").data


def test_files_are_utf_8() -> None:
    assert decode("\ufeffname: 算网\n".encode(), "f.yaml") == "name: 算网\n"
    with pytest.raises(InvalidInput) as raised:
        decode(b"a: 1\nb: \xff\xfe\n", "f.yaml")
    assert "f.yaml:2: the file is not UTF-8." in str(raised.value)
    with pytest.raises(InvalidInput, match="at most"):
        decode(b"x" * (SIZE_BYTES_MAX + 1), "f.yaml")
