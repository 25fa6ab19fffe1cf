"""The agent's hands: it does at the site's engine what the hub wants and the site allows, and sees what became of it.

An order's way is kept in the spool before and after each call of the engine, and the engine takes a repeat as the
first; so an agent that is killed between any two steps goes on where it was. What the engine says is checked: an answer
for another order, or news of one that is over, changes nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from time import monotonic

from suanwang.agent.policy import Policy
from suanwang.agent.spool import Kept, Spool, Stage
from suanwang.domain.order import Ability, Capacity, EndCause, Lacks, Observation, Order, OrderState
from suanwang.errors import Message, Never, NotNow, msg
from suanwang.ports import Clock, Engine, TakesArrays
from suanwang.schemas.sync import Wish

SENT_AT_ONCE, SUBMIT_S_MAX = 50, 1.0
"""How many orders are marked as on their way at a time; how long one step submits before the hub is heard again."""
CANCEL_AGAIN_S = 10.0
MISSED_MAX = 3
"""How often in a row an engine must not know an order that it took, until the order counts as lost."""
ENDED = (OrderState.ENDED, OrderState.LOST)
Said = Callable[[Message], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the engines said: of the pools, and why one did not answer ("": all did). `seen`: the time before they were
    asked."""

    seen: datetime
    capacities: tuple[Capacity, ...]
    trouble: str


class Driver:
    """Drives the engines of a site's pools. `settle_s`: after a start, how long an order that may be on its way is
    waited for before it is sent again."""

    def __init__(
        self, engines: Mapping[str, Engine], spool: Spool, clock: Clock, said: Said, *, settle_s: float = 2.0
    ) -> None:
        self._engines = dict(engines)
        self._spool = spool
        self._clock = clock
        self._said = said
        self._kept = {kept.id: kept for kept in spool.live()}
        self._settle_s = settle_s
        self._settled_at = monotonic() + settle_s
        self._missed: dict[str, int] = {}
        self._cancel_after: dict[str, float] = {}
        self._full: set[str] = set()

    def lacks(self) -> Lacks:
        """What any of the engines lacks."""
        lacks: dict[Ability, Message] = {}
        for engine in self._distinct():
            lacks |= engine.lacks()
        return lacks

    def engine_of(self, order_id: str) -> Engine | None:
        """The engine that has an order."""
        kept = self._kept.get(order_id) or self._spool.known([order_id]).get(order_id)
        return None if kept is None else self._engines.get(kept.pool_id)

    @property
    def busy(self) -> bool:
        """Whether an engine has, or is to have, an order."""
        return any(kept.stage is not Stage.OVER for kept in self._kept.values())

    def news(self) -> list[Kept]:
        """What the hub has not confirmed."""
        return [kept for kept in self._kept.values() if not kept.reported and kept.report is not None]

    def confirmed(self, told: Iterable[tuple[Kept, Observation]]) -> None:
        """The hub has these; what has changed since they were told stays news."""
        mine = [kept for kept, observation in told if kept.report is observation]
        for kept in mine:
            kept.reported = True
            if kept.stage is Stage.OVER:
                self._kept.pop(kept.id, None)
        self._spool.save(mine)

    def take(self, wishes: Sequence[Wish]) -> None:
        """Keep the hub's wishes, on the disk and in mind."""
        self._spool.take(wishes)
        for order_id, stored in self._spool.known([wish.order.id for wish in wishes]).items():
            mine = self._kept.get(order_id)
            if mine is None:
                self._kept[order_id] = stored
            else:
                mine.number, mine.cancelled = stored.number, stored.cancelled
                mine.reported = mine.reported and stored.reported

    def end_unknown(self, order_ids: Iterable[str]) -> None:
        """The hub knows nothing of these orders, or has given their job a later attempt: they are to end."""
        for kept in (self._kept[order_id] for order_id in order_ids if order_id in self._kept):
            self._said(msg("Order {order} is not the hub's (any more): it is ended.", order=kept.id))
            kept.cancelled = kept.reported = True
            if kept.stage is Stage.OVER:
                del self._kept[kept.id]
            self._spool.save([kept])

    def act(self, policy: Policy) -> bool:
        """End what is to end, start what may start; whether there is more to start at once. Raises NotNow(spool)."""
        for kept in [k for k in self._kept.values() if k.cancelled and k.stage is not Stage.OVER]:
            self._cancel(kept)
        waiting = sorted((k for k in self._kept.values() if k.stage is Stage.WAITING), key=lambda kept: kept.number)
        until = monotonic() + SUBMIT_S_MAX
        for batch in _batches(waiting, SENT_AT_ONCE):
            if monotonic() > until:
                return True
            self._send(self._allowed(batch, policy))
        return False

    def look(self, policy: Policy) -> Look:
        """Ask the engines what became of the orders, then what they have free."""
        seen = self._clock.now()
        self._full.clear()
        troubles = [trouble for engine in self._distinct() if (trouble := self._observe(engine, seen))]
        capacities = []
        for pool_id, engine in self._engines.items():
            try:
                capacities.append(self._capacity(engine.capacity(pool_id), policy))
            except (NotNow, Never) as refusal:
                troubles.append(str(refusal))
        return Look(seen=seen, capacities=tuple(capacities), trouble="; ".join(dict.fromkeys(troubles)))

    def _distinct(self) -> list[Engine]:
        return list({id(engine): engine for engine in self._engines.values()}.values())

    def _cancel(self, kept: Kept) -> None:
        """End an order; one that the engine never had ends here. Repeated now and then until the engine says so."""
        if kept.stage is Stage.WAITING:
            self._over(kept, EndCause.CANCELLED)
            return
        engine = self._engines.get(kept.pool_id)
        if engine is None or monotonic() < self._cancel_after.get(kept.id, 0.0):
            return
        try:
            engine.cancel(kept.id)
        except NotNow:
            return
        self._cancel_after[kept.id] = monotonic() + CANCEL_AGAIN_S

    def _allowed(self, batch: Sequence[Kept], policy: Policy) -> list[tuple[Kept, Order]]:
        """Orders that go to the engine now; one that the site will never start is refused."""
        allowed = []
        used = self._used()
        for kept in batch:
            order = self._spool.order(kept.id)
            refusal = policy.refusal(order)
            if refusal is None and kept.pool_id not in self._engines:
                refusal = msg("The site does not have pool {pool}.", pool=kept.pool_id)
            if refusal is not None:
                self._over(kept, EndCause.REFUSED, refusal)
                continue
            after = used.get(kept.pool_id, 0) + kept.accelerators
            if policy.drained or kept.pool_id in self._full or after > policy.caps.get(kept.pool_id, after):
                continue
            used[kept.pool_id] = after
            allowed.append((kept, order))
        return allowed

    def _used(self) -> dict[str, int]:
        """Accelerators of the orders that the engine has or may have, by pool."""
        used: dict[str, int] = {}
        for kept in self._kept.values():
            if kept.stage in (Stage.SENDING, Stage.SENT):
                used[kept.pool_id] = used.get(kept.pool_id, 0) + kept.accelerators
        return used

    def _send(self, orders: Sequence[tuple[Kept, Order]]) -> None:
        """Give orders to their engines; equal ones in one call where the engine takes arrays."""
        self._mark([kept for kept, _ in orders], Stage.SENDING)
        for _, group in groupby(orders, key=lambda pair: _likeness(pair[1])):
            alike = list(group)
            engine = self._engines[alike[0][0].pool_id]
            arrays = len(alike) > 1 and isinstance(engine, TakesArrays) and Ability.ARRAYS not in engine.lacks()
            if arrays and _submit(engine, [order for _, order in alike]) is None:
                self._mark([kept for kept, _ in alike], Stage.SENT)
                continue
            for kept, order in alike:
                self._answered(kept, _submit(engine, [order]))

    def _answered(self, kept: Kept, refusal: NotNow | Never | None) -> None:
        """What the engine's answer to a submit means. Without one, the order may have arrived all the same."""
        match refusal:
            case None:
                self._mark([kept], Stage.SENT)
            case Never():
                self._over(kept, EndCause.REFUSED, refusal.message)
            case NotNow(code="engine-full"):
                self._full.add(kept.pool_id)
                self._mark([kept], Stage.WAITING)
            case NotNow():
                self._full.add(kept.pool_id)
                self._settled_at = max(self._settled_at, monotonic() + self._settle_s)

    def _mark(self, some: Sequence[Kept], stage: Stage) -> None:
        """Store where orders are; when that fails they are where they were."""
        before = [kept.stage for kept in some]
        try:
            for kept in some:
                kept.stage = stage
            self._spool.save(some)
        except NotNow:
            for kept, old in zip(some, before, strict=True):
                kept.stage = old
            raise

    def _over(self, kept: Kept, cause: EndCause, detail: Message | None = None) -> None:
        """End an order that never started."""
        now = self._clock.now()
        self._note(kept, replace(_never(kept.id, now), cause=cause, detail=detail))
        self._spool.save([kept])

    def _note(self, kept: Kept, news: Observation) -> None:
        """Keep news in mind; the caller stores them."""
        kept.stage = Stage.OVER if news.state in ENDED else Stage.SENT
        kept.report, kept.reported = news, False
        self._said(_in_words(kept, news))

    def _observe(self, engine: Engine, seen: datetime) -> str:
        """Ask an engine for the orders that it has or may have; why it did not answer, or ""."""
        asked = {
            kept.id: kept
            for kept in self._kept.values()
            if kept.stage in (Stage.SENDING, Stage.SENT) and self._engines.get(kept.pool_id) is engine
        }
        if not asked:
            return ""
        try:
            answers = engine.observe(list(asked))
        except NotNow as silence:
            return str(silence)
        found = _checked(answers, asked)
        changed = [kept for kept in asked.values() if kept.id in found and self._see(kept, found[kept.id], seen)]
        try:
            self._spool.save(changed)
        except NotNow as full:
            return str(full)
        left = len(asked) - len(found)
        return str(msg("the engine did not answer for {count} order(s)", count=left)) if left else ""

    def _see(self, kept: Kept, observation: Observation, seen: datetime) -> bool:
        """Note what is new; whether anything is."""
        if observation.state is not OrderState.UNKNOWN:
            self._missed.pop(kept.id, None)
            if kept.report is not None and not _is_news(kept.report, observation, seen):
                return False
            self._note(kept, replace(observation, seen=seen))
            return True
        if kept.stage is Stage.SENDING:
            if monotonic() < self._settled_at:
                return False
            if kept.cancelled:
                self._note(kept, _never(kept.id, seen))
            else:
                kept.stage = Stage.WAITING
            return True
        self._missed[kept.id] = self._missed.get(kept.id, 0) + 1
        if self._missed[kept.id] < MISSED_MAX:
            return False
        self._lose(kept, seen)
        return True

    def _lose(self, kept: Kept, seen: datetime) -> None:
        """The engine had the order and has forgotten it: whatever may be left of it is to end."""
        engine = self._engines[kept.pool_id]
        try:
            engine.cancel(kept.id)
        except NotNow:
            return
        self._missed.pop(kept.id)
        last = kept.report or Observation(order_id=kept.id, state=OrderState.PENDING)
        self._note(kept, replace(last, state=OrderState.LOST, cause=EndCause.LOST, seen=seen))

    def _capacity(self, said: Capacity, policy: Policy) -> Capacity:
        """What the grid may have: less what waits here, and what the site does not allow."""
        waiting = sum(
            kept.accelerators
            for kept in self._kept.values()
            if kept.stage is Stage.WAITING and kept.pool_id == said.pool_id and not kept.cancelled
        )
        used = self._used().get(said.pool_id, 0) + waiting
        return policy.cap(replace(said, free=max(0, said.free - waiting)), used)


def _submit(engine: Engine, orders: Sequence[Order]) -> NotNow | Never | None:
    """Submit one order, or equal ones; the engine's refusal."""
    try:
        if len(orders) > 1 and isinstance(engine, TakesArrays):
            engine.submit_array(orders)
        else:
            engine.submit(orders[0])
    except (NotNow, Never) as refusal:
        return refusal
    return None


def _likeness(order: Order) -> tuple[object, ...]:
    """What equal orders have alike: all but their names."""
    where = (order.pool_id, order.queue, order.accelerators, order.time_limit_s)
    return (*where, order.command, order.directory, tuple(sorted(order.environment.items())))


def _checked(answers: Iterable[Observation], asked: Mapping[str, Kept]) -> dict[str, Observation]:
    """The answers for orders that were asked for; of several for one, an end is believed."""
    found: dict[str, Observation] = {}
    for answer in answers:
        if answer.order_id in asked and (answer.order_id not in found or answer.state in ENDED):
            found[answer.order_id] = answer
    return found


def _is_news(last: Observation, now: Observation, seen: datetime) -> bool:
    """Whether the hub should hear of it: a change of state; measured energy once an hour, as it is metered."""
    if _state_of(last) != _state_of(now):
        return True
    hours = (
        (last.seen or seen).replace(minute=0, second=0, microsecond=0),
        seen.replace(minute=0, second=0, microsecond=0),
    )
    return now.energy_kwh_it is not None and hours[0] != hours[1]


def _state_of(observation: Observation) -> tuple[object, ...]:
    o = observation
    return (o.state, o.started, o.ended, o.cause, o.exit_code, o.detail)


def _never(order_id: str, now: datetime) -> Observation:
    return Observation(order_id=order_id, state=OrderState.ENDED, ended=now, cause=EndCause.CANCELLED, seen=now)


def _in_words(kept: Kept, news: Observation) -> Message:
    if news.detail is not None:
        return msg("Order {order} is {state}: {detail}", order=kept.id, state=_word(news), detail=news.detail)
    return msg("Order {order} is {state}.", order=kept.id, state=_word(news))


def _word(news: Observation) -> str:
    code = "" if news.exit_code is None else f" {news.exit_code}"
    return news.state.value if news.cause is None else f"{news.state.value} ({news.cause.value}{code})"


def _batches(some: Sequence[Kept], size: int) -> Iterator[Sequence[Kept]]:
    return (some[first : first + size] for first in range(0, len(some), size))
