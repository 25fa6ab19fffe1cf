"""Every state and role that the console may show has its word in Chinese, and in English its own name."""

import pytest

from suanwang.domain.docket import STEPS, Role
from suanwang.domain.job import JobState
from suanwang.interfaces.i18n import translator
from suanwang.interfaces.web.words import word

NAMES = [("state", state.value) for state in JobState]
NAMES += sorted({("state", state) for steps in STEPS.values() for pair in steps for state in pair if state})
NAMES += [("role", role.value) for role in Role]


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_a_state_has_its_word(kind: str, name: str) -> None:
    assert word(kind, name, translator("en")) == name
    assert word(kind, name, translator("zh-CN")) != name
    assert word(kind, "what nobody knows", translator("zh-CN")) == "what nobody knows"
