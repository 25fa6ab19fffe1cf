"""The one error tree. Every refusal has a code, a message and a remedy; anything else that is raised is a bug.

    SuanwangError
    ├── InvalidInput    what was given is wrong: all problems at once     CLI exit 2, API 422
    ├── NotFound        no such thing, or not yours                       CLI exit 1, API 404
    ├── Conflict        the same key with another body; a lost race       CLI exit 1, API 409
    ├── NotPermitted    you may not                                       CLI exit 1, API 403
    ├── NotNow          it may work later: try again                      CLI exit 1, API 503
    └── Never           it will not work however often it is tried        CLI exit 1, API 400

A message is a template with its values, so that it can be shown in the reader's language.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

CODES: dict[str, str] = {
    "invalid-input": "The input has problems; each is listed with its place and remedy.",
    "not-found": "There is no such object, or it is not visible to the caller.",
    "idempotency-conflict": "An idempotency key was used again with a different body.",
    "missing-figure": "A figure that is needed is not in the catalog; it is named, never guessed.",
    "signal-out-of-range": "A signal (tariff, carbon, PUE) has no value at the time that was asked for.",
    "transition-refused": "A job cannot move from its present state to the one asked for.",
    "unit-mismatch": "Amounts of different units of account were mixed.",
    "transfer-refused": "A transfer breaks a rule of the ledger.",
    "period-closed": "A transfer is dated in a period that is closed; corrections go to the open one.",
    "period-open": "A period cannot be closed yet; the message says why.",
    "insufficient-balance": "An account would fall below its limit, counting holds.",
    "budget-exhausted": "A budget has too little left for what a job may cost.",
    "quota-exhausted": "A quota has too little left for the accelerator-hours that a job may take.",
    "price-missing": "No price book has a price for this use; a missing price is never 0.",
    "engine-unreachable": "The site's engine did not answer.",
    "engine-full": "The site's engine has no room for the order now.",
    "engine-refused": "The site's engine refused the order.",
    "protocol-mismatch": "Agent and hub are more than one version of the exchange apart.",
    "fenced": "The sender's token is old: somebody who came later speaks for it.",
    "site-has-agent": "Another agent speaks for the site, and was heard lately.",
    "not-permitted": "The step is for another role, or for another person than the one who acted before.",
    "too-early": "A time that the rules ask for has not passed yet.",
    "not-eligible": "The rules of a programme grant nothing in this case; the message names the rule.",
    "claim-refused": "A claim is not within its grant or its rules; the message says why.",
    "evidence-missing": "A claim lacks papers that its programme asks for; each is named.",
    "wrong-site": "A token, or a spool, of one site was used for another.",
    "spool-in-use": "Another agent works with the spool.",
    "lost-race": "Somebody else changed the object first; read it again.",
    "store-refused": "The database refused a write that breaks an invariant.",
    "store-unavailable": "The database did not answer, or was busy for too long.",
    "data-unreachable": "The place of a file did not answer, or broke off; a repeat takes up where it was.",
    "data-refused": "The place of a file refuses it, or is no place of a file.",
    "data-differs": "A file does not have the checksum that was asked for; nothing was kept.",
    "not-started": "The job has not been sent to an engine, so there is no output.",
    "not-settled": "The job is not settled, so there is no bill.",
    "not-authenticated": "The request has no valid token; it is missing, unknown, expired or revoked.",
    "role-missing": "The caller's roles, or the scopes of its token, do not allow this.",
    "csrf-refused": "A change through the console came without the token of its page.",
    "stale-etag": "The object is no longer the one that If-Match names.",
    "too-many-requests": "More requests than the caller's share; Retry-After says when to come again.",
    "too-large": "The body of the request is larger than the hub takes.",
    "no-such-route": "The hub has no such address or method.",
    "second-person": "The amount is above what one person may decide.",
    "not-a-user": "Who logged in at the identity provider is not a user of the hub.",
    "provider-unreachable": "The identity provider did not answer.",
    "no-provider": "The hub has no identity provider to log in at.",
    "not-empty": "The place that a backup is to be written to, or restored into, is not empty.",
    "hub-only": "The command works on the hub's own machine, not through its API.",
    "hub-unreachable": "The hub did not answer.",
    "hub-unreadable": "What answered is not a hub of a version that this program understands.",
    "hub-failed": "The hub met a fault of its own; the request id leads to it in the log.",
    "font-missing": "A PDF has Chinese text, and no font with Chinese characters was found.",
    "no-rate": "A cash flow has no internal rate of return, or a target cannot be reached; the message says why.",
}
"""Every error code, with its meaning; the reference page is made from this table."""


@dataclass(frozen=True, slots=True)
class Message:
    """A text template and the values of its {fields}; `str()` renders it in English.

    Values are plain, so that a message can be stored and read again exactly.
    """

    template: str
    values: tuple[tuple[str, "str | int | float | bool | Message"], ...] = ()

    def render(self, translate: Callable[[str], str] = str) -> str:
        """The text in the language of `translate` (a gettext function of the template)."""
        shown = {k: v.render(translate) if isinstance(v, Message) else v for k, v in self.values}
        return translate(self.template).format(**shown)

    def __str__(self) -> str:
        return self.render()


def msg(template: str, /, **values: object) -> Message:
    """A Message; the translation catalog is extracted by this name. A value that is not plain is kept as its text."""
    plain = ((k, v if isinstance(v, str | int | float | Message) else str(v)) for k, v in values.items())
    return Message(template, tuple(plain))


def why_not_read(error: OSError) -> Message:
    """Why a file could not be read or made: the usual reasons in words that can be translated, others not."""
    match error:
        case FileNotFoundError():
            return msg("No such file or directory")
        case PermissionError():
            return msg("Permission denied")
        case IsADirectoryError():
            return msg("Is a directory")
        case NotADirectoryError():
            return msg("Not a directory")
    return msg("{text}", text=error.strerror or type(error).__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with an input: where (file:line and path), what, and what to do."""

    place: str
    message: Message
    remedy: Message


class SuanwangError(Exception):
    """A named refusal: `code` (a key of CODES), `message`, `remedy`."""

    def __init__(self, code: str, message: Message, remedy: Message) -> None:
        super().__init__(str(message))
        self.code = code
        self.message = message
        self.remedy = remedy


class InvalidInput(SuanwangError):
    """What was given is wrong; `problems` has all of it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(
            "invalid-input",
            msg("{count} problem(s) in the input", count=len(self.problems)),
            msg("Correct each of them and try again; nothing was stored."),
        )

    def __str__(self) -> str:
        return "\n".join(f"{p.place}: {p.message} {p.remedy}" for p in self.problems)


class NotFound(SuanwangError):
    """No such thing, or not visible to the caller."""


class Conflict(SuanwangError):
    """The same key with another body, or a lost race."""


class NotPermitted(SuanwangError):
    """The caller may not do this."""


class NotNow(SuanwangError):
    """It may work later."""


class Never(SuanwangError):
    """It will not work however often it is tried."""
