"""Debt: level loans in tranches, loans sized by their cover ratio. Arrays are (scenarios, months + 1)."""

from dataclasses import dataclass

import numpy as np

from suanwang.feasibility.levers import Array, Point
from suanwang.feasibility.plan import MONTHS


@dataclass(frozen=True, slots=True)
class Loan:
    """Money drawn, interest and principal paid, by month."""

    drawn: Array
    interest: Array
    principal: Array

    @property
    def service(self) -> Array:
        return self.interest + self.principal


def level_payment(rate: Array, payments: int) -> Array:
    """Payment a period that repays 1 with interest: r / (1 - (1 + r)^-n), 1/n at no interest."""
    safe = np.where(rate == 0, 1.0, rate)
    return np.asarray(np.where(rate == 0, 1 / payments, safe / -np.expm1(-payments * np.log1p(safe))))


def level_schedule(rate: Array, payments: int, grace: int) -> tuple[Array, Array]:
    """(interest, principal) of each payment on a loan of 1, (…, grace + payments); interest alone in the grace."""
    number = np.arange(payments)
    payment = level_payment(rate, payments)
    growth = (1 + rate) ** number
    safe = np.where(rate == 0, 1.0, rate)
    balance = np.where(rate == 0, 1 - number / payments, growth - payment * (growth - 1) / safe)
    interest = balance * rate
    idle = np.broadcast_to(rate, (*interest.shape[:-1], grace))
    return np.concatenate([idle, interest], -1), np.concatenate([np.zeros_like(idle), payment - interest], -1)


def level_loan(point: Point, spending: Array) -> Loan:
    """A tranche for each month of first spending (scenarios, months + 1), each of the debt's share of it."""
    terms = point.plan.debt
    shape = (point.scenarios, point.plan.months + 1)
    drawn, interest, principal = (np.zeros(shape) for _ in range(3))
    if not terms.share:
        return Loan(drawn, interest, principal)
    per_year = terms.payments_per_year
    grace = terms.grace_years * per_year
    part, back = level_schedule(point.value("debt_rate") / per_year, terms.tenor_years * per_year - grace, grace)
    for month in np.flatnonzero(spending.any(axis=0)):
        amount = spending[:, month, None] * terms.share
        when = month + np.arange(1, part.shape[1] + 1) * (MONTHS // per_year)
        inside = when <= point.plan.months
        drawn[:, [month]] += amount
        interest[:, when[inside]] += (amount * part)[:, inside]
        principal[:, when[inside]] += (amount * back)[:, inside]
    return Loan(drawn, interest, principal)


def covered_loan(point: Point, spending: Array, earnings: Array) -> Loan:
    """A loan that the earnings before interest and tax (scenarios, years + 1) cover `cover_ratio` times each year.

    Payments are earnings / ratio over the tenor (sculpted); the loan is their present value at its own rate, at most
    the share of the first spending, to which the payments are then scaled. Drawn in the first month of spending.
    """
    plan, terms = point.plan, point.plan.debt
    rate, years = point.value("debt_rate"), np.arange(1, plan.years + 1)
    ratio = terms.cover_ratio or 1.0
    payable = np.maximum(earnings[:, 1:], 0.0) / ratio * ((years > terms.grace_years) & (years <= terms.tenor_years))
    worth = (payable / (1 + rate) ** years).sum(axis=1, keepdims=True)
    most = spending.sum(axis=1, keepdims=True) * (terms.share or 1.0)
    amount = np.minimum(worth, most)
    payments = payable * np.divide(amount, worth, where=worth > 0, out=np.zeros_like(amount * worth))
    drawn, interest, principal = (np.zeros((point.scenarios, plan.months + 1)) for _ in range(3))
    drawn[:, [int(np.argmax(spending.any(axis=0)))]] = amount
    balance = np.broadcast_to(amount, (point.scenarios, 1))
    for year in years:
        due = balance * rate
        paid = payments[:, [year - 1]]
        interest[:, [year * MONTHS]] = due
        principal[:, [year * MONTHS]] = paid - due
        balance = balance + due - paid
    return Loan(drawn, interest, principal)
