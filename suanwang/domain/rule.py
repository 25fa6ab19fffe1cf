"""Rules over facts, with three answers.

A fact is text under a dotted name (`tenant.legal_form`, `contract.signed`); what is not known is not there, and a rule
that lacks its fact asks for evidence instead of saying no (three-valued logic after Kleene).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction


class Answer(StrEnum):
    """Three-valued: a rule that lacks its evidence does not say no."""

    YES = "yes"
    NO = "no"
    NEEDS_EVIDENCE = "needs_evidence"


def all_of(answers: Iterable[Answer]) -> Answer:
    """No if one is no, else evidence if one needs it, else yes; yes where there is none."""
    given = set(answers)
    return next((a for a in (Answer.NO, Answer.NEEDS_EVIDENCE) if a in given), Answer.YES)


def any_of(answers: Iterable[Answer]) -> Answer:
    """Yes if one is yes, else evidence if one needs it, else no."""
    given = set(answers)
    return next((a for a in (Answer.YES, Answer.NEEDS_EVIDENCE) if a in given), Answer.NO)


_OPPOSITE = {Answer.YES: Answer.NO, Answer.NO: Answer.YES, Answer.NEEDS_EVIDENCE: Answer.NEEDS_EVIDENCE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A test of one `fact`, or of other rules (`any_of`, `all_of`, `none_of`); everything that is given must hold.

    `one_of`, `not_one_of`: texts. `at_least`, `at_most`: numbers, both included. `on_or_after`, `on_or_before`: days,
    both included. A fact that cannot be read as a number or day asks for evidence, as a missing one does.
    """

    fact: str = ""
    one_of: tuple[str, ...] = ()
    not_one_of: tuple[str, ...] = ()
    at_least: Fraction | None = None
    at_most: Fraction | None = None
    on_or_after: date | None = None
    on_or_before: date | None = None
    any_of: tuple["Rule", ...] = ()
    all_of: tuple["Rule", ...] = ()
    none_of: tuple["Rule", ...] = ()

    def answer(self, facts: Mapping[str, str]) -> Answer:
        tests = list(self._of_fact(facts)) if self.fact else []
        if self.any_of:
            tests.append(any_of(r.answer(facts) for r in self.any_of))
        tests.extend(r.answer(facts) for r in self.all_of)
        tests.extend(_OPPOSITE[r.answer(facts)] for r in self.none_of)
        return all_of(tests)

    def _of_fact(self, facts: Mapping[str, str]) -> Iterable[Answer]:
        text = facts.get(self.fact, "").strip()
        if not text:
            yield Answer.NEEDS_EVIDENCE
            return
        if self.one_of:
            yield _said(text in self.one_of)
        if self.not_one_of:
            yield _said(text not in self.not_one_of)
        if self.at_least is not None or self.at_most is not None:
            number = number_in(text)
            low, high = self.at_least, self.at_most
            yield (
                Answer.NEEDS_EVIDENCE
                if number is None
                else _said((low is None or number >= low) and (high is None or number <= high))
            )
        if self.on_or_after or self.on_or_before:
            day = day_in(text)
            yield (
                Answer.NEEDS_EVIDENCE
                if day is None
                else _said((self.on_or_after or date.min) <= day <= (self.on_or_before or date.max))
            )

    def facts(self) -> Iterable[str]:
        """Names of the facts that it asks for, those of its parts included."""
        if self.fact:
            yield self.fact
        for part in (*self.any_of, *self.all_of, *self.none_of):
            yield from part.facts()


def _said(holds: bool) -> Answer:
    return Answer.YES if holds else Answer.NO


def number_in(text: str) -> Fraction | None:
    """The number that a fact gives, exactly: "12", "1,200.5", "5000 CNY", "30 %"; None where it gives none."""
    body, _, unit = text.strip().partition(" ")
    percent = unit.strip() == "%" or body.endswith("%")
    if unit.strip() not in ("", "%") and not (unit.strip().isalpha() and unit.strip().isupper()):
        return None
    try:
        number = Fraction(body.rstrip("%").replace(",", "").replace("_", ""))
    except (ValueError, ZeroDivisionError):
        return None
    return number / 100 if percent else number


def day_in(text: str) -> date | None:
    """The day that a fact gives in ISO 8601; None where it gives none."""
    try:
        return date.fromisoformat(text.strip()[:10])
    except ValueError:
        return None
