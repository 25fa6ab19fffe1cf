"""Why something was refused or waits: public constants, each with its meaning. The reference page is made from this."""

from enum import StrEnum


class Reason(StrEnum):
    """A named reason; `MEANING[reason]` says what it is and what would change it."""

    NO_ACCELERATOR_FITS = "NoAcceleratorFits"
    EXCEEDS_CAPACITY = "ExceedsCapacity"
    EXCEEDS_MEMORY = "ExceedsMemory"
    EXCEEDS_LATENCY = "ExceedsLatency"
    MISSES_DEADLINE = "MissesDeadline"
    OVER_BUDGET = "OverBudget"
    LABEL_MISMATCH = "LabelMismatch"
    MISSING_FIGURE = "MissingFigure"
    NO_LINK = "NoLink"
    CLASHES_WITH_OTHERS = "ClashesWithOthers"
    QUOTA_EXHAUSTED = "QuotaExhausted"
    BUDGET_EXHAUSTED = "BudgetExhausted"
    INSUFFICIENT_BALANCE = "InsufficientBalance"
    WAITING_FOR_CAPACITY = "WaitingForCapacity"
    WAITING_FOR_CHEAP_POWER = "WaitingForCheapPower"
    WAITING_FOR_DATA = "WaitingForData"
    WAITING_FOR_START = "WaitingForStart"
    DATA_NOT_BROUGHT = "DataNotBrought"
    OUTPUT_NOT_TAKEN = "OutputNotTaken"
    OUTRANKED = "Outranked"
    RECLAIMED = "Reclaimed"
    RESIZED = "Resized"
    PAUSED = "Paused"
    SITE_DRAINED = "SiteDrained"
    ENGINE_UNREACHABLE = "EngineUnreachable"
    ENGINE_REFUSED = "EngineRefused"
    ENGINE_LOST = "EngineLost"
    EXIT_NONZERO = "ExitNonzero"
    KILLED = "Killed"
    TIME_LIMIT = "TimeLimit"
    CANCELLED_BY_TENANT = "CancelledByTenant"
    HOLD_REFUSED = "HoldRefused"
    HOLD_EXPIRED = "HoldExpired"
    VOUCHER_NOT_ELIGIBLE = "VoucherNotEligible"
    VOUCHER_EXPIRED = "VoucherExpired"
    VOUCHER_EXHAUSTED = "VoucherExhausted"
    VOUCHER_NEEDS_EVIDENCE = "VoucherNeedsEvidence"
    VOUCHER_NOT_OPEN = "VoucherNotOpen"
    VOUCHER_BELOW_MINIMUM = "VoucherBelowMinimum"
    VOUCHER_CAPPED = "VoucherCapped"


MEANING: dict[Reason, str] = {
    Reason.NO_ACCELERATOR_FITS: "No accelerator of the pool has what the workload requires (kind, vendor, dtype).",
    Reason.EXCEEDS_CAPACITY: "The gang is larger than the pool.",
    Reason.EXCEEDS_MEMORY: "No layout of the model fits the accelerators' memory.",
    Reason.EXCEEDS_LATENCY: "The round trip from the user's city, or the time to or per token, is above the limit.",
    Reason.MISSES_DEADLINE: "No start within the limits ends before the deadline.",
    Reason.OVER_BUDGET: "The least cost is above the budget.",
    Reason.LABEL_MISMATCH: "The site or pool lacks a label that the workload requires (province, site, vendor …).",
    Reason.MISSING_FIGURE: "A figure that the estimate needs is not in the catalog; it is named.",
    Reason.NO_LINK: "No link carries the workload's data to the site.",
    Reason.QUOTA_EXHAUSTED: "A quota of accelerator-hours of the tenant, project or user has too little left.",
    Reason.BUDGET_EXHAUSTED: "A budget of the tenant, project or user has too little left in the period.",
    Reason.CLASHES_WITH_OTHERS: "The workloads that it waits for, must be near to or apart from leave it no place.",
    Reason.INSUFFICIENT_BALANCE: "The tenant's account cannot hold the quote.",
    Reason.WAITING_FOR_CAPACITY: "The pool is full; the job starts when enough accelerators are free.",
    Reason.WAITING_FOR_CHEAP_POWER: "The planned start is later because the hours until then cost more.",
    Reason.WAITING_FOR_DATA: "The workload's data is still on its way to the site.",
    Reason.WAITING_FOR_START: "The workload's earliest start is not yet reached.",
    Reason.DATA_NOT_BROUGHT: "The workload's data could not be brought to the site; the detail says why.",
    Reason.OUTPUT_NOT_TAKEN: "The program succeeded, but an output could not be taken to its place; it is at the site.",
    Reason.OUTRANKED: "It was stopped for a job that the policy puts before it; it goes on from its checkpoint later.",
    Reason.RECLAIMED: "It ran on accelerators that its account had borrowed; their owner took them back.",
    Reason.PAUSED: "It was stopped as planned, in hours that cost more; it goes on from its checkpoint after them.",
    Reason.RESIZED: "It was stopped to go on with another number of accelerators.",
    Reason.SITE_DRAINED: "The site takes no new work.",
    Reason.ENGINE_UNREACHABLE: "The site's engine does not answer; it is tried again.",
    Reason.ENGINE_REFUSED: "The site's engine refused the order.",
    Reason.ENGINE_LOST: "The engine lost the attempt (machine or supervisor died).",
    Reason.EXIT_NONZERO: "The workload's own program ended with a non-zero exit code.",
    Reason.KILLED: "The workload's program was ended by a signal that the grid did not send.",
    Reason.TIME_LIMIT: "The attempt reached its time limit and was ended.",
    Reason.CANCELLED_BY_TENANT: "The tenant cancelled the job.",
    Reason.HOLD_REFUSED: "The quote could not be held, as the detail says; a changed price book needs a new version.",
    Reason.HOLD_EXPIRED: "The job did not start before its hold on money ran out.",
    Reason.VOUCHER_NOT_ELIGIBLE: "The programme's rules do not admit this workload or tenant.",
    Reason.VOUCHER_EXPIRED: "The voucher's last day has passed.",
    Reason.VOUCHER_EXHAUSTED: "The voucher or the programme's fund has nothing left.",
    Reason.VOUCHER_NEEDS_EVIDENCE: "A rule of the programme asks for a fact of which there is no evidence yet.",
    Reason.VOUCHER_NOT_OPEN: "The programme is not open at that time.",
    Reason.VOUCHER_BELOW_MINIMUM: "The recognised cost is below the least that the programme supports.",
    Reason.VOUCHER_CAPPED: "A limit of the programme (per job, tenant, group, budget …) leaves less, or nothing.",
}
