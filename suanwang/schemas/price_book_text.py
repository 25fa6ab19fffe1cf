"""A price book as the YAML text that `read_price_book` reads to the same book."""

from fractions import Fraction
from typing import Any

import yaml

from suanwang.domain.money import Money
from suanwang.domain.price import Price, PriceBook
from suanwang.domain.rule import Rule
from suanwang.errors import Never, msg


def price_book_text(book: PriceBook) -> str:
    """The file. Raises Never(invalid-input) for rules of discounts that are more than a fact and its values."""
    body: dict[str, Any] = {
        "id": book.id,
        "version": book.version,
        "currency": book.currency,
        "effective": book.effective.isoformat(),
        "usage_basis": book.usage_basis.value,
        "prices": {p.basis.value: _price(p) for p in book.prices},
        "channel": book.channel,
        "term": book.term,
        "source": {
            "text": book.provenance.source,
            "date": book.provenance.date,
            "confidence": book.provenance.confidence.value,
        },
    }
    if book.minimum_per_job is not None:
        body["minimum_per_job"] = _amount(book.minimum_per_job)
    if book.commitments:
        body["commitments"] = [
            {
                "id": c.id,
                "tenant": c.tenant,
                "basis": c.basis.value,
                "quantity": float(c.quantity),
                "amount": _amount(c.amount),
            }
            for c in book.commitments
        ]
    if book.discounts:
        body["discounts"] = [
            {
                "name": d.name,
                "share": _percent(d.share),
                "when": [_rule(rule) for rule in d.when],
                "bases": [b.value for b in d.bases],
                **{k: v.isoformat() for k, v in (("starts", d.starts), ("ends", d.ends)) if v is not None},
            }
            for d in book.discounts
        ]
    if book.tax is not None:
        body["tax"] = {"name": book.tax.name, "rate": _percent(book.tax.ratio), "included": book.tax.included}
    whole = {"apiVersion": "suanwang/v1", "kind": "PriceBook", "priceBook": body}
    text: str = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True, width=120)
    return text


def _price(price: Price) -> object:
    if price.passes_tariff:
        return "pass-through"
    if not (price.times or price.tiers or price.steps or price.link):
        assert price.amount is not None
        return _amount(price.amount)
    body: dict[str, Any] = {} if price.amount is None else {"amount": _amount(price.amount)}
    if price.times:
        body["times"] = [
            {
                "name": t.period.name,
                "hours": ", ".join(f"{_clock(a)}-{_clock(b)}" for a, b in t.period.minutes),
                "months": sorted(t.period.months),
                "weekdays": sorted(t.period.weekdays),
                "amount": _amount(t.amount),
            }
            for t in price.times
        ]
    if price.tiers:
        body["tiers"] = [{"above": float(t.above), "amount": _amount(t.amount)} for t in price.tiers]
    if price.steps:
        body["spot"] = [{"since": s.start.isoformat(), "amount": _amount(s.amount)} for s in price.steps]
    if price.link is not None:
        cap = {} if price.link.cap is None else {"cap": _amount(price.link.cap)}
        body["marginal"] = {"factor": float(price.link.factor), "floor": _amount(price.link.floor), **cap}
    return body


def _rule(rule: Rule) -> dict[str, object]:
    if rule != Rule(fact=rule.fact, one_of=rule.one_of):
        raise Never(
            "invalid-input",
            msg("the discount's rule on {fact} cannot be written again", fact=rule.fact or "…"),
            msg("Copy the file and add the published prices by hand."),
        )
    return {"fact": rule.fact, "one_of": list(rule.one_of)}


def _amount(money: Money) -> str:
    return f"{money.decimal.normalize():f} {money.unit}"


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):g} %"


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02}"
