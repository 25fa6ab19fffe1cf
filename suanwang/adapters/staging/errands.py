"""Several files in a row, as an order of the grid moves them: broken transfers are taken up again, all or an error."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from suanwang.adapters.staging.stage import Staged, fetch, store
from suanwang.errors import NotNow

PAUSES_S = (1.0, 5.0, 25.0, 125.0)
"""Before each further try of a file whose place cannot be reached."""
Said = Callable[[Staged], None]


def bring(
    files: Sequence[tuple[str, str, str]], folder: Path, said: Said, pauses_s: Sequence[float] = PAUSES_S
) -> None:
    """Fetch each (name, URI, SHA-256 or "") to the folder. Raises NotNow, Never as `fetch`; what is there stays."""
    for name, uri, sha256 in files:
        said(_patient(partial(fetch, uri, folder / name, sha256), pauses_s))


def take(files: Sequence[tuple[str, str]], folder: Path, said: Said, pauses_s: Sequence[float] = PAUSES_S) -> None:
    """Store each (path within the folder, URI). Raises NotNow, Never as `store`."""
    for path, uri in files:
        said(_patient(partial(store, folder / path, uri), pauses_s))


def _patient(errand: Callable[[], Staged], pauses_s: Sequence[float]) -> Staged:
    for pause_s in pauses_s:
        try:
            return errand()
        except NotNow:
            time.sleep(pause_s)
    return errand()
