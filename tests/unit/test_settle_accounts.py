"""The chart of accounts: ids, kinds, limits, and the transfers that bring value in."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from suanwang.domain.ledger import AccountKind, TransferKind
from suanwang.domain.money import Money
from suanwang.domain.programme import Programme, Rate
from suanwang.domain.provenance import Confidence, Provenance
from suanwang.domain.signal import Signal
from suanwang.domain.site import Grid, Site, Tenant
from suanwang.domain.tariff import Tariff
from suanwang.domain.voucher import Voucher
from suanwang.errors import Never
from suanwang.settle import accounts

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TEST = Provenance(source="test", confidence=Confidence.ESTIMATE)
PROGRAMME = Programme(
    id="bj-2025",
    version=1,
    name="Beijing",
    issuer="bj",
    currency="CNY",
    opens=NOW,
    closes=NOW + timedelta(days=300),
    rates=(Rate(ratio=Fraction(1, 5)),),
    provenance=TEST,
)
VOUCHER = Voucher(
    id="v1",
    programme_id="bj-2025",
    tenant="acme",
    face=Money.parse("1000", "CNY"),
    issued=NOW,
    expires=NOW + timedelta(days=90),
)


def grid() -> Grid:
    site = Site(
        id="gz",
        name="Gui'an",
        zone=ZoneInfo("Asia/Shanghai"),
        latitude=26.4,
        longitude=106.5,
        tariff=Tariff(id="t", name="t", currency="CNY", prices={}, periods=(), provenance=TEST),
        pue=Signal.constant("1", "1.2"),
        carbon_location=Signal.constant("kg/kWh", "0.5"),
    )
    tenants = (
        Tenant(id="acme", name="Acme", credit_limit=Money.parse("500", "CNY")),
        Tenant(id="lab", name="Lab", credit_limit=Money.zero("CNY")),
    )
    return Grid(
        id="g",
        currency="CNY",
        sites=(site,),
        pools=(),
        links=(),
        cities=(),
        price_books=(),
        tenants=tenants,
        programmes=(PROGRAMME,),
    )


def test_a_grid_has_every_account_with_its_kind_unit_and_limit() -> None:
    found = {a.id: (a.kind, a.owner, a.unit, a.credit_limit_micro) for a in accounts.accounts_of(grid())}
    assert found == {
        "external:CNY": (AccountKind.EXTERNAL, "g", "CNY", None),
        "rounding:CNY": (AccountKind.ROUNDING, "g", "CNY", 10_000_000_000),
        "tenant:acme:CNY": (AccountKind.TENANT, "acme", "CNY", 500_000_000),
        "tenant:lab:CNY": (AccountKind.TENANT, "lab", "CNY", 0),
        "site:gz:CNY": (AccountKind.SITE, "gz", "CNY", 0),
        "fund:bj-2025:CNY": (AccountKind.FUND, "bj", "CNY", 0),
        "issued:bj-2025": (AccountKind.EXTERNAL, "bj", "VCH:bj-2025", None),
        "redeemed:bj-2025": (AccountKind.REDEEMED, "bj", "VCH:bj-2025", 0),
    }


def test_only_external_accounts_have_no_limit() -> None:
    everything = [*accounts.accounts_of(grid()), accounts.voucher_account(VOUCHER)]
    assert {a.kind for a in everything if a.credit_limit_micro is None} == {AccountKind.EXTERNAL}


def test_an_id_tells_the_kind() -> None:
    for account in [*accounts.accounts_of(grid()), accounts.voucher_account(VOUCHER)]:
        assert accounts.kind_of(account.id) is account.kind
    with pytest.raises(ValueError, match="petty-cash"):
        accounts.kind_of("petty-cash:CNY")


def test_value_comes_in_from_outside() -> None:
    amount = Money.parse("12.345678", "CNY")
    paid = accounts.deposit("acme", amount, "k1", NOW)
    funded = accounts.fund("bj-2025", amount, "k1", NOW)
    issued = accounts.issue(VOUCHER, NOW)
    assert (paid.id, paid.debit, paid.credit) == ("deposit:acme:k1", "external:CNY", "tenant:acme:CNY")
    assert (funded.id, funded.debit, funded.credit) == ("fund:bj-2025:k1", "external:CNY", "fund:bj-2025:CNY")
    assert (issued.id, issued.debit, issued.credit) == ("issue:v1", "issued:bj-2025", "voucher:v1")
    assert issued.amount == Money.parse("1000", "VCH:bj-2025")
    assert {t.kind for t in (paid, funded, issued)} == {TransferKind.SINGLE}


@pytest.mark.parametrize("amount", ["0", "-1"])
def test_nothing_or_less_is_not_a_deposit(amount: str) -> None:
    with pytest.raises(Never, match="positive"):
        accounts.deposit("acme", Money.parse(amount, "CNY"), "k1", NOW)
