"""What the API is given beside workload files: small bodies, read as strictly as the files are."""

from typing import Annotated, Any

from pydantic import Field, Strict

from suanwang.domain.identity import Permission, Role, UserKind
from suanwang.schemas.quantities import Amount
from suanwang.schemas.section import Name, Section, Text
from suanwang.schemas.times import Instant

RoleName = Annotated[Role, Strict(False)]
Scope = Annotated[Permission, Strict(False)]


class NewUser(Section):
    """A user that is to be made."""

    id: Name = Field(description="What it is known by; never changes.")
    kind: Annotated[UserKind, Strict(False)] = Field(UserKind.PERSON, description="person or service.")
    name: Text = Field("", description="The name that is shown; the id if not given.")
    roles: list[RoleName] = Field(max_length=9, description="What it may do.")
    organisation: Text = Field("", description="The tenant that it belongs to.")
    site: Text = Field("", description="The site that it acts for.")
    email: Text = Field("", description="Where to write to.")


class ChangedUser(Section):
    """What of a user may change; what is left out stays."""

    name: Text | None = Field(None, description="The name that is shown.")
    roles: list[RoleName] | None = Field(None, max_length=9, description="What it may do.")
    email: Text | None = Field(None, description="Where to write to.")
    active: bool | None = Field(None, description="false: it may not log in, and none of its tokens works.")


class Plans(Section):
    """Workloads that are to be placed together."""

    workloads: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)] = Field(
        description="Workload files, each whole."
    )
    hours: Annotated[int, Field(ge=1, le=24 * 60)] = Field(168, description="How far off starts may be.")
    seed: Annotated[int, Field(ge=0, le=2**31)] = Field(0, description="The same seed is the same plan.")


class Replans(Section):
    """What is to become of moves that pay."""

    make: bool = Field(False, description="true: they are made; false: they are only told.")


class NewProject(Section):
    """A project that is to be made."""

    id: Name = Field(description="What it is known by; never changes.")
    organisation: Text = Field("", description="Whose it is; the caller's if not given.")
    name: Text = Field("", description="The name that is shown; the id if not given.")


class NewTokenBody(Section):
    """A token that is to be made."""

    name: Name = Field(description="What it is for.")
    days: Annotated[float, Field(gt=0, le=366)] = Field(90.0, description="How long it lasts.")
    scopes: list[Scope] = Field([], max_length=20, description="Only these permissions; none: all of the user's.")


class Payment(Section):
    """Money that comes in from outside; the Idempotency-Key of the request is the payment's."""

    amount: Amount = Field(description="How much, with its currency.")


class NewVoucher(Section):
    """A voucher that is to be issued."""

    id: Name = Field(description="What it is known by; the same id again is the same voucher.")
    programme: Name = Field(description="The programme that it is issued under.")
    tenant: Name = Field(description="Who may redeem it.")
    face: Amount = Field(description="What it is worth, in the programme's currency.")
    expires: Instant = Field(description="When it ends.")


class Drained(Section):
    """Whether a site or pool takes new work."""

    drained: bool = Field(description="true: it takes no new work; what runs there runs on.")


class NewWebhook(Section):
    """A webhook that is to be made."""

    url: Text = Field(description="Where the events of the organisation's jobs are sent to, by POST.")


class NewStep(Section):
    """A step that is to be signed."""

    after: Name = Field(description="The state that the docket goes to.")
    reason: Text = Field("", description="Why; kept with the step.")


class MonthToClose(Section):
    """A month that is to be closed."""

    month: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}$")] = Field(description="As 2026-10, in the grid's zone.")
