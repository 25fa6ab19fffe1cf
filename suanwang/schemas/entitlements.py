"""Entitlements of a grid file, or of a file of their own: a tree of who is entitled to how many accelerators."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from suanwang.domain.entitlement import Entitlement, Entitlements
from suanwang.schemas.findings import Findings
from suanwang.schemas.section import Section, Word, read_section
from suanwang.schemas.yaml_file import Path, read_yaml

Count = Annotated[int, Field(ge=0, le=10**9)]


class EntitlementSection(Section):
    """A department, a team or a tenant, and what is due to it."""

    id: Word = Field(description="Id; of a tenant, the tenant's.")
    parent: Word | None = Field(None, description="The entitlement that it is a part of; a root if not given.")
    weight: Annotated[float, Field(gt=0, le=10**6)] = Field(1.0, description="Share among its siblings.")
    quota: Count | None = Field(None, description="Accelerators that are its own; none of its own if not given.")
    borrow: Count | None = Field(None, description="How many more it may have of idle ones; any number if not given.")
    lend: Count | None = Field(None, description="How many of its idle ones others may have; all if not given.")


class EntitlementsFile(Section):
    """A file of entitlements."""

    entitlements: list[EntitlementSection] = Field(description="The tree, in any order.")


def read_entitlements(text: str, name: str) -> Entitlements:
    """The tree of a YAML text; `name` is the file's name in messages. Raises InvalidInput with every problem."""
    findings = Findings(read_yaml(text, name))
    tree = make_entitlements(read_section(EntitlementsFile, findings).entitlements, ("entitlements",), findings)
    findings.raise_any()
    return tree


def make_entitlements(rows: Sequence[EntitlementSection], path: Path, findings: Findings) -> Entitlements:
    """The tree, empty where a row has a problem."""
    findings.unique(path, [row.id for row in rows], "id")
    return (
        findings.build(
            path,
            lambda: Entitlements(
                tuple(
                    Entitlement(
                        id=row.id,
                        parent=row.parent or "",
                        weight=row.weight,
                        quota=row.quota,
                        borrow=row.borrow,
                        lend=row.lend,
                    )
                    for row in rows
                )
            ),
        )
        or Entitlements()
    )
