"""The command line in Chinese and in English: by --lang, by the environment, and the same JSON in both."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from suanwang.interfaces.cli.main import cli, main
from suanwang.interfaces.i18n import translator
from tests.tiny_home import Home

HAN = re.compile("[\u3000-\u303f\u4e00-\u9fff]")
"""Chinese characters and their punctuation: a wrapped line may have only the latter."""
ZH, EN = "zh-CN", "en"
LOCALES = ("SUANWANG_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

Call = Callable[..., tuple[int, str]]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def call(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """The command line in this process, where only the given variables name a language: its status and all it says."""
    for name in LOCALES:
        monkeypatch.delenv(name, raising=False)
    for name in set(home.environment) - set(LOCALES):
        monkeypatch.setenv(name, home.environment[name])

    def run(*words: object, **environment: str) -> tuple[int, str]:
        with monkeypatch.context() as scope:
            for name, value in environment.items():
                scope.setenv(name, value)
            status = main([str(word) for word in words])
        return status, "".join(capsys.readouterr())

    return run


def small(home: Home) -> Path:
    return home.workload("print(1)")


def too_large(home: Home) -> Path:
    path = small(home)
    path.write_text(path.read_text().replace("count: 1", "count: 99"))
    return path


def bad(home: Home) -> Path:
    path = small(home)
    path.write_text(path.read_text().replace("1 min", "1 fortnight").replace("kind: batch", "kind: bath"))
    return path


Case = tuple[Callable[[Home], tuple[object, ...]], int, str, str]
CASES: dict[str, Case] = {
    "help": (lambda _: ("--help",), 0, "用法:", "Usage:"),
    "help of a command": (lambda _: ("run", "--help"), 0, "只报价", "Quote only"),
    "quote": (lambda home: ("place", small(home)), 0, "small 的报价", "Quote for small"),
    "refusal": (lambda home: ("place", too_large(home)), 1, "要求 99 张卡，只有 2 张", "asks for 99 cards, has 2"),
    "bad file": (lambda home: ("run", bad(home)), 2, "的单位 'fortnight' 未知", "has the unknown unit 'fortnight'"),
    "no file": (lambda _: ("run", "none.yaml"), 2, "文件或文件夹不存在", "No such file or directory"),
    "unknown name": (lambda _: ("job", "show", "j1"), 1, "没有作业 j1", "there is no job j1"),
    "unknown option": (lambda _: ("jobs", "--nope"), 2, "没有选项 '--nope'", "No such option '--nope'"),
    "facts": (lambda _: ("catalog", "show", "toy"), 0, "未知（未公布）", "unknown (not published)"),
}


@pytest.mark.parametrize("case", CASES)
def test_each_language_by_option_and_by_environment(case: str, home: Home, call: Call) -> None:
    words, status, chinese, english = CASES[case]
    given = words(home)
    for by_zh in (call("--lang", ZH, *given), call(*given, LANG="zh_CN.UTF-8"), call(*given, SUANWANG_LANG="zh-CN")):
        assert by_zh[0] == status
        assert chinese in by_zh[1]
        assert english not in by_zh[1]
    for by_en in (
        call("--lang", EN, *given, LANG="zh_CN.UTF-8"),
        call(*given, LANG="C"),
        call(*given, LANG="zh_CN.UTF-8", LC_ALL="en_US.UTF-8"),
        call(*given),
    ):
        assert by_en[0] == status
        assert english in by_en[1]
        assert chinese not in by_en[1]


def commands(command: click.Command, *path: str) -> list[tuple[str, ...]]:
    inner = command.commands if isinstance(command, click.Group) else {}
    return [path, *(found for name, sub in inner.items() for found in commands(sub, *path, name))]


@pytest.mark.parametrize("path", commands(cli), ids=" ".join)
def test_help_has_every_part_in_chinese(path: tuple[str, ...], call: Call) -> None:
    """The synopsis, names and examples are the same in both; every other line of the help is Chinese."""
    _, told = call("--lang", ZH, *path, "--help")
    english = set(call("--lang", EN, *path, "--help")[1].splitlines())
    usage, _, rest = told.partition("\n\n")
    lines = rest.splitlines()
    assert usage.startswith("用法: suanwang")
    assert [line for line in lines if line and not HAN.search(line) and line not in english] == []
    same = [
        line
        for line in lines
        if line in english and line and not line.lstrip().startswith(("suanwang ", "--", "sacct "))
    ]
    assert same == []


def test_a_run_is_told_in_chinese_with_the_same_figures(home: Home, call: Call) -> None:
    status, told = call("--lang", ZH, "run", small(home))
    assert status == 0
    assert all(word in told for word in ("已提交", "租金", "电费", "费用上限", "账单", "应付：¥ ", "卡时"))
    _, jobs = call("--lang", ZH, "jobs")
    assert "作业需求" in jobs
    _, ledger = call("--lang", ZH, "ledger", "check")
    assert "各记账单位合计：CNY 0" in ledger


def keys(value: Any) -> Any:
    """The shape of a JSON value: the keys of its mappings, at every depth."""
    if isinstance(value, dict):
        return {key: keys(inner) for key, inner in value.items()}
    return [keys(inner) for inner in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("case", ["quote", "refusal", "bad file", "unknown name", "unknown option", "facts"])
def test_json_has_the_same_keys_in_both_languages(case: str, home: Home, call: Call) -> None:
    words = CASES[case][0](home)

    def shown(lang: str) -> Any:
        _, text = call("--lang", lang, *words, "--json")
        return json.JSONDecoder().raw_decode(text)[0]

    assert keys(shown(ZH)) == keys(shown(EN))


@pytest.mark.parametrize(("locale", "chinese"), [("zh_CN.UTF-8", True), ("C", False)])
def test_a_real_process_takes_the_language_of_the_environment(locale: str, chinese: bool, home: Home) -> None:
    environment = {k: v for k, v in home.process_environment().items() if k not in LOCALES}
    done = subprocess.run(
        [sys.executable, "-m", "suanwang", "ledger", "check"],
        env={**environment, "LANG": locale},
        capture_output=True,
        timeout=60,
        check=True,
    )
    assert ("各记账单位合计" in done.stdout.decode()) is chinese


@pytest.mark.parametrize("asked", ["zh", "zh-CN", "zh_CN.UTF-8"])
def test_all_names_of_chinese_are_understood(asked: str, call: Call) -> None:
    assert "用法:" in call("--lang", asked, "--help")[1]


def test_what_is_not_translated_stays_english() -> None:
    assert translator(ZH)("a text that nobody wrote") == "a text that nobody wrote"
