"""The words of states and roles in the reader's language; in English each has its own name."""

from suanwang.errors import msg
from suanwang.interfaces.i18n import Translate

WORDS = (
    msg("state: submitted"),
    msg("state: estimated"),
    msg("state: placed"),
    msg("state: held"),
    msg("state: queued"),
    msg("state: running"),
    msg("state: succeeded"),
    msg("state: failed"),
    msg("state: preempted"),
    msg("state: cancelled"),
    msg("state: settled"),
    msg("state: active"),
    msg("state: away"),
    msg("state: drained"),
    msg("state: refused"),
    msg("state: draft"),
    msg("state: pre_check"),
    msg("state: supplement"),
    msg("state: review"),
    msg("state: publicity"),
    msg("state: approved"),
    msg("state: rejected"),
    msg("state: withdrawn"),
    msg("state: issued"),
    msg("state: frozen"),
    msg("state: expired"),
    msg("state: revoked"),
    msg("state: returned"),
    msg("state: filed"),
    msg("state: checked"),
    msg("state: rechecked"),
    msg("state: paid"),
    msg("state: closed"),
    msg("state: clawback"),
    msg("state: disputed"),
    msg("role: tenant"),
    msg("role: maker"),
    msg("role: checker"),
    msg("role: finance"),
    msg("role: system"),
)
"""Each with its kind before it: the same word may be another one elsewhere."""
KNOWN = frozenset(w.template for w in WORDS)


def word(kind: str, name: str, translate: Translate) -> str:
    """The word for a state or role; its own name where the language has none."""
    key = f"{kind}: {name}"
    shown = translate(key) if key in KNOWN else key
    return name if shown == key else shown
