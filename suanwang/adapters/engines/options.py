"""The options that a pool of the grid file gives its engine: each engine has a table of them, checked when it opens."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from suanwang.domain.site import Pool
from suanwang.errors import InvalidInput, Message, Problem, msg


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of an engine: its name, default, meaning; `among`: the values that it may have, if not any."""

    name: str
    default: str
    description: str
    among: tuple[str, ...] = ()
    needed: bool = False
    check: Callable[[str], object] = str


def read_options(table: Sequence[Option], pools: Iterable[Pool]) -> dict[str, dict[str, str]]:
    """Every option of each pool, by pool id, defaults filled in. Raises InvalidInput with all problems."""
    problems = [problem for pool in pools for problem in _problems(table, pool)]
    if problems:
        raise InvalidInput(problems)
    return {pool.id: {o.name: pool.options.get(o.name, o.default) for o in table} for pool in pools}


def _problems(table: Sequence[Option], pool: Pool) -> Iterable[Problem]:
    known = {option.name: option for option in table}
    for name in pool.options.keys() - known.keys():
        near = ", ".join(get_close_matches(name, known, n=3, cutoff=0.5) or sorted(known))
        what = msg("{name!r} is no option of the {engine} engine.", name=name, engine=pool.engine)
        yield Problem(_place(pool, name), what, msg("Write one of: {near}.", near=near))
    for option in table:
        value = pool.options.get(option.name)
        if value is None:
            if option.needed:
                what = msg("the {engine} engine needs this option.", engine=pool.engine)
                yield Problem(_place(pool, option.name), what, msg("{meaning}", meaning=option.description))
        elif (wrong := _wrong(option, value)) is not None:
            yield Problem(_place(pool, option.name), *wrong)


def _wrong(option: Option, value: str) -> tuple[Message, Message] | None:
    if option.among and value not in option.among:
        what = msg("{value!r} is not a value of this option.", value=value)
        return what, msg("Write one of: {near}.", near=", ".join(option.among))
    try:
        option.check(value)
    except ValueError:
        what = msg("{value!r} cannot be read.", value=value)
        return what, msg("{meaning}", meaning=option.description)
    return None


def _place(pool: Pool, name: str) -> str:
    return f"grid.pools[{pool.id}].options.{name}"


def groups(pools: Sequence[Pool], options: Mapping[str, Mapping[str, str]], by: Sequence[str]) -> list[list[Pool]]:
    """The pools that are reached in the same way: alike in these options."""
    found: dict[tuple[str, ...], list[Pool]] = {}
    for pool in pools:
        found.setdefault(tuple(options[pool.id][name] for name in by), []).append(pool)
    return list(found.values())
