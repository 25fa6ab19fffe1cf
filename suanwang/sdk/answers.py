"""What a hub refused, as the errors of the house: the same kinds and codes as in process."""

import httpx

from suanwang.errors import (
    Conflict,
    InvalidInput,
    Message,
    Never,
    NotFound,
    NotNow,
    NotPermitted,
    Problem,
    SuanwangError,
    msg,
)

KINDS: dict[int, type[SuanwangError]] = {
    401: NotPermitted,
    403: NotPermitted,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    429: NotNow,
    503: NotNow,
}

NOT_YET = frozenset({"not-settled", "not-started"})
"""Codes of NotNow that HTTP has another status for: the hub is well, the job is not so far."""


def refusal(answer: httpx.Response) -> SuanwangError:
    """The refusal that an answer tells of; one that is not of a hub is told as it came."""
    try:
        told = answer.json()["error"]
        if answer.status_code == 422:
            return InvalidInput(Problem(p["place"], _text(p["message"]), _text(p["remedy"])) for p in told["problems"])
        kind = NotNow if told["code"] in NOT_YET else KINDS.get(answer.status_code, Never)
        return kind(told["code"], _text(told["message"]), _text(told["remedy"]))
    except (ValueError, KeyError, TypeError):
        return unreadable(str(answer.url), ValueError(f"{answer.status_code} {answer.text[:100]}"))


def unreachable(address: str, error: Exception) -> NotNow:
    """Nobody answers at the address."""
    return NotNow(
        "hub-unreachable",
        msg("the hub at {address} did not answer: {why}", address=address, why=str(error) or type(error).__name__),
        msg("See whether it runs, and whether SUANWANG_HUB has its address."),
    )


def unreadable(address: str, error: Exception) -> Never:
    """What answered is not a hub that this program understands."""
    return Never(
        "hub-unreadable",
        msg("the answer of {address} is not a hub's: {why}", address=address, why=str(error)[:200]),
        msg("See whether SUANWANG_HUB has the address of a hub of the same version."),
    )


def _text(text: str) -> Message:
    """Text that is in the reader's language already."""
    return msg("{text}", text=text)
