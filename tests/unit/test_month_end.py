"""The end of a month: invoices that stay, credit notes for what comes later, statements, commitments, exports."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from suanwang.domain.invoice import DocumentKind
from suanwang.domain.ledger import Account, AccountKind, Transfer, TransferKind
from suanwang.domain.money import Money, total
from suanwang.domain.period import ClosedPeriod, read_month
from suanwang.domain.price import Basis, Commitment, MarginalLink, Price, Tax
from suanwang.errors import Conflict, Never, NotNow, SuanwangError
from suanwang.interfaces.reports.html import html_page
from suanwang.interfaces.reports.invoice import invoice_document
from suanwang.interfaces.reports.metrics import metrics_text
from suanwang.ports import Store
from suanwang.schemas.focus import focus_csv, plain_csv
from suanwang.schemas.price_book import read_price_book
from suanwang.schemas.price_book_text import price_book_text
from tests.month_world import START, World
from tests.small_grid import SHANGHAI, book, cny

NOVEMBER = datetime(2026, 11, 3, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 2, tzinfo=UTC)
VAT = Tax(name="VAT", ratio=Fraction(6, 100), included=False)


def test_an_invoice_has_what_was_settled_in_its_month() -> None:
    world = World(books=(book(tax=VAT),))
    world.pay("500")
    world.fund()
    first, second = world.run(vouchers=True), world.run(3600)
    world.run(tenant="you")
    world.go_to(NOVEMBER)
    third = world.run()
    (october,) = world.books.invoices("me", "2026-10")
    (november,) = world.books.invoices("me", "2026-11")
    assert {line.job_id for line in october.lines} == {first.id, second.id}
    assert {line.job_id for line in november.lines} == {third.id}
    assert october.charged == october.waived + october.by_voucher + october.by_money
    assert october.by_voucher.micro > 0
    assert october.tax is not None
    net = sum(line.amount.micro for line in october.lines if line.unit != "currency")
    assert october.tax.micro == sum(line.amount.micro for line in october.lines if line.unit == "currency")
    assert abs(october.tax.micro - net * 6 // 100) <= 2
    assert october.payable.micro % 10_000 == 0
    with world.hub.store.transaction() as tx:
        paid = -tx.ledger.balance("tenant:me:CNY").posted + cny("500").micro
        assert paid == october.payable.micro + november.payable.micro
        owed = tx.ledger.balance("tax:a:CNY").posted
    statement = world.books.statement("2026-10", site="a")
    assert statement.kind is DocumentKind.STATEMENT
    assert statement.by_voucher == october.by_voucher
    assert statement.tax is not None
    later = world.books.statement("2026-11", site="a").tax
    assert later is not None
    assert owed == statement.tax.micro + later.micro
    assert world.books.statement("2026-10", programme="half").charged == october.by_voucher
    world.check()


def test_what_is_closed_stays_and_corrections_come_as_a_credit_note() -> None:
    world = World(books=(book(),))
    world.pay("500")
    job = world.run()
    with pytest.raises(NotNow, match="is not over"):
        world.books.close_month("2026-10")
    world.go_to(NOVEMBER)
    draft = world.books.invoices("me", "2026-10")
    assert not world.books.is_issued(draft[0])
    closed = world.books.close_month("2026-10")
    assert world.books.close_month("2026-10") == closed
    with world.hub.store.transaction() as tx:
        kept = [document.id for document in tx.books.issued("2026-10")]
    assert kept == ["INV-2026-10-me", "INV-2026-10-you", "STM-2026-10-programme-half", "STM-2026-10-site-a"]
    (issued,) = world.books.invoices("me", "2026-10")
    assert world.books.is_issued(issued)
    cheaper = book(rent="3", version=2)
    adjusted = world.books.rerate(job.id, cheaper)
    assert adjusted.change == issued.charged.times(0) + (adjusted.after - issued.charged)
    assert world.books.invoices("me", "2026-10") == [issued]
    invoice, note = world.books.invoices("me", "2026-11")
    assert not invoice.lines
    assert (note.kind, note.charged) == (DocumentKind.CREDIT_NOTE, adjusted.change)
    assert {line.corrects for line in note.lines} == {"INV-2026-10-me"}
    with world.hub.store.transaction() as tx:
        paid = cny("500").micro - tx.ledger.balance("tenant:me:CNY").posted
    assert paid == issued.payable.micro + note.payable.micro
    world.check()
    with pytest.raises(SuanwangError, match="lies in a period that is closed") as refusal:
        _late(world)
    assert refusal.value.code == "period-closed"


def _late(world: World) -> None:
    with world.hub.store.transaction() as tx:
        (last, *_) = tx.ledger.transfers(limit=1)
        tx.ledger.post([replace(last, id="late", at=datetime(2026, 10, 31, 15, 59, tzinfo=UTC))])


def test_what_a_voucher_paid_comes_back_to_it() -> None:
    world = World()
    world.fund()
    job = world.run(vouchers=True)
    with world.hub.store.transaction() as tx:
        before = tx.ledger.balance("voucher:v1").posted, tx.ledger.balance("fund:half:CNY").posted
    made = world.books.rerate(job.id, book(rent="0.01", kwh=None, version=2))
    assert made.after < made.before
    with world.hub.store.transaction() as tx:
        after = tx.ledger.balance("voucher:v1").posted, tx.ledger.balance("fund:half:CNY").posted
        assert after[0] - before[0] == after[1] - before[1] > 0
    world.check()


def test_a_commitment_that_was_not_used_is_billed_at_the_end_of_the_month() -> None:
    committed = Commitment(id="c1", tenant="me", basis=Basis.ACCELERATOR_HOUR, quantity=Fraction(100), amount=cny("4"))
    world = World(books=(book(kwh=None, commitments=(committed,)),))
    world.pay("1000")
    world.run(3600)  # 8 accelerator-hours at 4 CNY
    world.go_to(NOVEMBER)
    assert world.books.invoices("me", "2026-10")[0].charged == cny("32")
    world.books.close_month("2026-10")
    (invoice,) = world.books.invoices("me", "2026-10")
    assert invoice.lines[-1].description == "commitment c1 in 2026-10: 92 not used"
    assert invoice.lines[-1].amount == cny("368")
    assert invoice.payable == cny("400")
    world.check()


def test_focus_sums_to_what_is_to_be_paid() -> None:
    world = World(books=(book(tax=VAT),))
    world.fund()
    job = world.run(vouchers=True, project="llm")
    world.run(3600)
    world.run(tenant="you")
    world.books.rerate(job.id, book(rent="7", tax=VAT, version=2))
    world.go_to(NOVEMBER)
    world.books.rerate(job.id, book(rent="6", tax=VAT, version=3))
    for month in ("2026-10", "2026-11"):
        documents = [d for tenant in ("me", "you") for d in world.books.invoices(tenant, month)]
        payable = total([d.payable for d in documents], "CNY")
        rows = world.books.billed(month)
        for version in ("1.2", "1.4"):
            read = list(csv.DictReader(io.StringIO(focus_csv(rows, version))))
            assert sum(Money.parse(row["BilledCost"], "CNY").micro for row in read) == payable.micro
            assert all(row["ChargePeriodStart"] < row["ChargePeriodEnd"] for row in read)
            usage = [row for row in read if row["ChargeCategory"] == "Usage"]
            assert usage
            for row in usage:
                product = float(row["ListUnitPrice"]) * float(row["PricingQuantity"])
                assert product == pytest.approx(float(row["ListCost"]), rel=1e-12)
        assert len(plain_csv(rows).splitlines()) == len(rows) + 1
    assert {row.correction for row in world.books.billed("2026-11")} == {True}


def test_documents_are_written_for_people() -> None:
    world = World(books=(book(tax=VAT),))
    world.fund()
    world.run(vouchers=True)
    (invoice,) = world.books.invoices("me", "2026-10")
    page = html_page(invoice_document(invoice, issuer="g", name="<Me>", draft=True, issued="now", lang="en", text=str))
    for text in ("INV-2026-10-me", "&lt;Me&gt;", "Draft", "of it tax", "paid by compute vouchers", "to pay"):
        assert text in page
    assert f"{invoice.payable.decimal:,.2f} CNY" in page


def test_counters_are_read_by_prometheus() -> None:
    from prometheus_client.parser import text_string_to_metric_families

    world = World()
    world.pay("10")
    world.run(3600)
    families = {f.name: f for f in text_string_to_metric_families(metrics_text(world.books.figures()))}
    hours = {tuple(s.labels.items()): s.value for s in families["suanwang_accelerator_hours"].samples}
    assert hours == {(("site", "a"), ("tenant", "me")): 8.0}
    came = [s for s in families["suanwang_account_credits"].samples if s.labels["account"] == "tenant:me:CNY"]
    assert came[0].value >= 10


def test_ondemand_sees_what_can_be_spent() -> None:
    world = World()
    world.pay("10")
    found: dict[str, Any] = dict(world.books.balance_json())
    assert (found["version"], found["config"]) == (1, {"unit": "CNY", "project_type": "project"})
    assert {"user": "me", "project": "me", "value": 10010.0} in found["balances"]


def test_linked_prices_are_published_from_the_marginal_ones() -> None:
    link = MarginalLink(factor=Fraction(2), floor=cny("1"), cap=cny("3"))
    linked = replace(book(kwh=None), prices=(Price(basis=Basis.ACCELERATOR_HOUR, amount=None, link=link),))
    world = World(books=(linked,))
    job = world.run(3600)  # before anything is published the floor holds: 8 x 1 CNY
    assert world.books.invoices("me", "2026-10")[0].charged == cny("8")
    made = world.books.publish("book", 24)
    assert (made.version, made.effective) == (2, world.clock.now().replace(minute=0, second=0, microsecond=0))
    (price,) = made.prices
    assert price.steps
    assert all(cny("1") <= step.amount <= cny("3") for step in price.steps)
    assert read_price_book(price_book_text(made), "b.yaml") == made
    early = replace(made, effective=START)
    assert world.books.rerate(job.id, early).after == cny("8")  # its hour is before the first step
    with pytest.raises(Never, match="has no marginal link"):
        World().books.publish("book", 24)


def test_a_sealed_version_keeps_its_terms_on_every_store(store: Store) -> None:
    with store.transaction() as tx:
        tx.usage.seal(book(tax=VAT))
        tx.usage.seal(replace(book(tax=VAT), channel="another note"))
        assert tx.usage.sealed() == [book(tax=VAT)]
    for changed in (book(rent="6", tax=VAT), book(), book(tax=VAT, minimum_per_job=cny("1"))):
        with pytest.raises(Conflict, match="is already there with another body"), store.transaction() as tx:
            tx.usage.seal(changed)


def test_months_close_in_order_on_every_store(store: Store) -> None:
    october, december = (read_month(m, SHANGHAI) for m in ("2026-10", "2026-12"))
    with store.transaction() as tx:
        tx.books.close(ClosedPeriod(period=october, closed=DECEMBER, position=0, hash="x"))
        tx.books.close(ClosedPeriod(period=october, closed=DECEMBER, position=0, hash="x"))
    with pytest.raises(Never, match="must follow"), store.transaction() as tx:
        tx.books.close(ClosedPeriod(period=december, closed=DECEMBER, position=0, hash="x"))
    with store.transaction() as tx:
        assert [c.period.id for c in tx.books.closed()] == ["2026-10"]
        tx.ledger.open(Account(id="out", kind=AccountKind.EXTERNAL, owner="", unit="CNY", credit_limit_micro=None))
        tx.ledger.open(Account(id="in", kind=AccountKind.TENANT, owner="", unit="CNY"))
    late = Transfer(
        id="t",
        kind=TransferKind.SINGLE,
        debit="out",
        credit="in",
        amount=cny("1"),
        at=october.end - timedelta(microseconds=1),
        memo="",
    )
    with pytest.raises(Conflict) as refusal, store.transaction() as tx:
        tx.ledger.post([late])
    assert refusal.value.code == "period-closed"
    with store.transaction() as tx:
        tx.ledger.post([replace(late, at=october.end)])
        assert tx.ledger.check()["transfers"] == 1
