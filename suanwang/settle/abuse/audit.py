"""All seven detectors over one dossier, most suspicious first. Each finding is for a person; none refuses anything."""

from suanwang.domain.dossier import Dossier, Pattern, Suspicion
from suanwang.errors import Message, msg
from suanwang.settle.abuse import trade, usage
from suanwang.settle.abuse.relations import Relations

PATTERNS: dict[Pattern, Message] = {
    Pattern.AFFILIATE: msg("affiliate trading"),
    Pattern.FAKE_USAGE: msg("fake usage"),
    Pattern.RAISED_PRICE: msg("price raised for the subsidy"),
    Pattern.RESALE: msg("resale or mining"),
    Pattern.SPLITTING: msg("splitting under a threshold"),
    Pattern.DOUBLE_SUBSIDY: msg("double subsidy"),
    Pattern.CASH_OUT: msg("cash-out"),
}


def audit(dossier: Dossier) -> list[Suspicion]:
    """Every suspicion, by falling score, then amount at stake."""
    relations = Relations(dossier)
    found = [
        *trade.affiliates(dossier, relations),
        *usage.fake_usage(dossier),
        *trade.raised_prices(dossier),
        *usage.resale(dossier),
        *trade.splits(dossier, relations),
        *trade.double_subsidies(dossier),
        *usage.cash_outs(dossier, relations),
    ]
    return sorted(found, key=lambda s: (-s.score, -s.at_stake.micro, s.pattern, s.contracts))
