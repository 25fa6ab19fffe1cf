"""A layout as text, such as tp=8,pp=4,micro_batch=2,recompute=full: how --layout and `import megatron` write it."""

from dataclasses import fields, replace
from typing import Any

from suanwang.domain.estimate import Layout
from suanwang.domain.workload import Training
from suanwang.errors import InvalidInput, Message, Problem, msg
from suanwang.estimate.layout import OFFLOAD, RECOMPUTE, SHARDING

WORDS = {"recompute": RECOMPUTE, "sharding": SHARDING, "offload": OFFLOAD}
NAMES = tuple(f.name for f in fields(Layout))


def written_layout(layout: Layout) -> str:
    """What is not the default, in the order of the fields."""
    plain = Layout()
    named = [(name, getattr(layout, name)) for name in NAMES if getattr(layout, name) != getattr(plain, name)]
    return ",".join(f"{name}={value}" for name, value in named) or "tp=1"


def read_layout(text: str, task: Training, accelerators: int) -> Layout:
    """The layout of a text for a training on so many cards; dp follows from them where it is not given.

    Raises InvalidInput with every problem.
    """
    given: dict[str, Any] = {}
    problems: list[Problem] = []

    def problem(name: str, what: Message, remedy: Message) -> None:
        problems.append(Problem(f"--layout {name}", what, remedy))

    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, value = part.partition("=")
        if name not in NAMES:
            problem(name[:40], msg("a layout has no {name!r}.", name=name[:40]), _one_of(NAMES))
        elif name in WORDS and value not in WORDS[name]:
            problem(name, msg("{value!r} is not a kind of {name}.", value=value[:40], name=name), _one_of(WORDS[name]))
        elif name not in WORDS and (not value.isascii() or not value.isdigit() or not 0 < int(value) <= 10**6):
            problem(name, msg("{value!r} is not a whole number from 1.", value=value[:40]), msg("Write digits only."))
        else:
            given[name] = value if name in WORDS else int(value)
    if not problems:
        problems += _check(given, task, accelerators)
    if problems:
        raise InvalidInput(problems)
    return replace(Layout(), **given)


def _one_of(names: tuple[str, ...]) -> Message:
    return msg("Write one of: {names}.", names=", ".join(names))


def _check(given: dict[str, Any], task: Training, accelerators: int) -> list[Problem]:
    """Adds dp; the degrees must suit the cards, the layers and the batch."""
    degree = {name: int(given.get(name, 1)) for name in ("tp", "pp", "cp", "ep", "micro_batch", "interleave")}
    joined = degree["tp"] * degree["pp"] * degree["cp"]
    dp = int(given.setdefault("dp", max(accelerators // joined, 1)))
    fits = msg("Correct one of them.")
    found = []
    if joined * dp > accelerators:
        what = msg("tp x pp x cp x dp = {used} is more than {count} cards.", used=joined * dp, count=accelerators)
        found.append(Problem("--layout", what, fits))
    if degree["pp"] * degree["interleave"] > task.model.layers:
        what = msg("pp x interleave is more than the {layers} layers.", layers=task.model.layers)
        found.append(Problem("--layout pp", what, fits))
    if dp * degree["micro_batch"] > task.global_batch:
        what = msg("dp x micro_batch is more than the global batch of {batch}.", batch=task.global_batch)
        found.append(Problem("--layout dp", what, fits))
    if task.model.heads % degree["tp"]:
        what = msg("{heads} heads cannot be divided over tp {tp}.", heads=task.model.heads, tp=degree["tp"])
        found.append(Problem("--layout tp", what, fits))
    if degree["ep"] > 1 and (not task.model.experts or task.model.experts % degree["ep"]):
        what = msg("{experts} experts cannot be divided over ep {ep}.", experts=task.model.experts, ep=degree["ep"])
        found.append(Problem("--layout ep", what, fits))
    return found
