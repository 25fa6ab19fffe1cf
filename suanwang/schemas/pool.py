"""A pool of the grid file to the domain: its accelerator or system, its site, its price book, its closures."""

from collections.abc import Mapping
from dataclasses import dataclass

from suanwang.domain.accelerator import Accelerator, System
from suanwang.domain.catalog import Catalog
from suanwang.domain.site import Closure, Pool
from suanwang.errors import msg
from suanwang.schemas.findings import Findings
from suanwang.schemas.grid_fields import PoolSection
from suanwang.schemas.yaml_file import Path


@dataclass(frozen=True, slots=True)
class Tables:
    """Ids that a pool may name; None where the file's own list of them could not be read."""

    sites: Mapping[str, object] | None
    books: Mapping[str, object] | None


def make_pool(section: PoolSection, path: Path, findings: Findings, catalog: Catalog, tables: Tables) -> Pool | None:
    """The pool, or None with its problems in `findings`; `section` may be partly read.

    With a system of the catalog, its cards, network and power apply where the file does not say otherwise; the power
    of a node beside its cards is then the node's published maximum less that of its cards.
    """
    findings.reference((*path, "site"), msg("sites of the file"), section.site, tables.sites)
    findings.reference((*path, "price_book"), msg("price books of the file"), section.price_book, tables.books)
    system = findings.reference((*path, "system"), msg("systems of the catalog"), section.system, catalog.systems)
    accelerator = _accelerator(section, system, path, findings, catalog)
    cards = section.accelerators_per_node or (system.accelerators_per_node if system else None)
    if cards is None and section.system is None:
        what = msg("a pool without system needs accelerators_per_node.")
        findings.add((*path, "accelerators_per_node"), what, msg("Say how many cards a node has."), (*path, "system"))
    if accelerator is None or cards is None:
        return None
    closures = _closures(section, section.nodes * cards if section.nodes else 0, path, findings)
    network = section.node_network or (system.node_network_bytes_per_s if system else None)
    overhead = section.node_overhead if section.node_overhead is not None else _overhead(system, accelerator)
    return findings.build(
        path,
        lambda: Pool(
            id=section.id,
            site_id=section.site,
            accelerator=accelerator,
            nodes=section.nodes,
            accelerators_per_node=cards,
            engine=section.engine,
            price_book_id=section.price_book,
            queue=section.queue,
            node_overhead_w=overhead,
            node_network_bytes_per_s=network,
            drained=section.drained,
            labels=section.labels,
            software_factor=section.software_factor,
            closures=tuple(closures),
            options=section.options,
        ),
    )


def _accelerator(
    section: PoolSection, system: System | None, path: Path, findings: Findings, catalog: Catalog
) -> Accelerator | None:
    cards = msg("accelerators of the catalog")
    named = findings.reference((*path, "accelerator"), cards, section.accelerator, catalog.accelerators)
    if section.accelerator is None and section.system is None:
        what = msg("a pool needs accelerator or system.")
        findings.add(
            (*path, "accelerator"),
            what,
            msg("Name one of the catalog; see `suanwang catalog list`."),
            (*path, "system"),
        )
    if system is None:
        return named
    if named is not None and named.id != system.accelerator_id:
        what = msg(
            "accelerator and system contradict: {system} has {card}.", system=system.id, card=system.accelerator_id
        )
        findings.add((*path, "accelerator"), what, msg("Remove one of the two."))
    return findings.reference((*path, "system"), cards, system.accelerator_id, catalog.accelerators)


def _closures(section: PoolSection, accelerators: int, path: Path, findings: Findings) -> list[Closure]:
    """Of at most the pool's accelerators, each with an end after its start; others are found wrong."""
    made = []
    for i, closure in enumerate(section.closures):
        since, until, count = closure.since, closure.until, closure.accelerators or accelerators
        if None in (since, until):
            continue
        if until <= since:
            what = msg("the closure ends before it starts.")
            findings.add((*path, "closures", i, "to"), what, msg("Give a later end."), (*path, "closures", i, "from"))
        elif count > accelerators:
            what = msg("the closure is of {count} accelerators; the pool has {has}.", count=count, has=accelerators)
            findings.add((*path, "closures", i, "accelerators"), what, msg("Give at most that many, or none for all."))
        elif count:
            made.append(Closure(start=since, end=until, accelerators=count, why=closure.why))
    return made


def _overhead(system: System | None, accelerator: Accelerator) -> float | None:
    """Watts of a node beside its cards, from published maxima; None where one is not published."""
    if system is None or system.node_power_w is None or accelerator.power_w is None:
        return None
    rest = system.node_power_w - system.accelerators_per_node * accelerator.power_w
    return rest if rest >= 0 else None
