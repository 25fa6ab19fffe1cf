"""Make the reference pages from the tables in the code: `make docs`. A test says that they are current."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.routing import APIRoute

from suanwang.adapters.engines import ray
from suanwang.adapters.engines.kubernetes import manifest as kubernetes
from suanwang.adapters.engines.slurm import pools as slurm
from suanwang.domain.identity import EVERYWHERE, IN_ORGANISATION, Role
from suanwang.domain.job import TRANSITIONS, JobState
from suanwang.domain.reason import MEANING
from suanwang.errors import CODES
from suanwang.interfaces.api.app import ROUTERS
from suanwang.settings import TABLE

if TYPE_CHECKING:
    from suanwang.adapters.engines.options import Option

REPO = Path(__file__).parents[1]
NOTE = "<!-- Made by `make docs` from the code; changes here are lost. -->"


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def page(title: str, lead: str, body: str) -> str:
    return f"{NOTE}\n# {title}\n\n{lead}\n\n{body}"


def settings_page() -> str:
    rows = ((f"`{s.variable}`", f"`{s.default}`" if s.default else "", s.description) for s in TABLE)
    lead = "Every setting is an environment variable. There is no other place that settings are read from."
    return page("Settings", lead, table(("variable", "default", "meaning"), rows))


def reasons_page() -> str:
    rows = ((f"`{reason.value}`", meaning) for reason, meaning in MEANING.items())
    lead = "Why a pool cannot have a workload, why a job waits, or how it ended: each has one of these names."
    return page("Reasons", lead, table(("reason", "meaning"), rows))


def errors_page() -> str:
    rows = ((f"`{code}`", meaning) for code, meaning in CODES.items())
    lead = (
        "Every refusal has a code, a message and a remedy. The command line ends with status 2 for `invalid-input` "
        "and 1 for any other."
    )
    return page("Errors", lead, table(("code", "meaning"), rows))


def states_page() -> str:
    rows = ((f"`{s.value}`", ", ".join(f"`{t.value}`" for t in JobState if t in TRANSITIONS[s])) for s in JobState)
    lead = "Every state of a job and the states that it can go to next. No other move is possible."
    return page("Job states", lead, table(("state", "next"), rows))


def roles_page() -> str:
    def names(permissions: Iterable[str]) -> str:
        return ", ".join(f"`{p}`" for p in sorted(permissions)) or "–"

    rows = ((f"`{r.value}`", names(IN_ORGANISATION.get(r, ())), names(EVERYWHERE.get(r, ()))) for r in Role)
    lead = (
        "What a role allows: within the user's own organisation, and for everybody's things. Whoever has a valid token "
        "may `grid-read`. The roles of a site act on that site only. Nobody may have both voucher roles."
    )
    return page("Roles", lead, table(("role", "in the own organisation", "everywhere"), rows))


def api_page() -> str:
    rows = []
    for router in ROUTERS:
        for route in router.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                needs = (route.openapi_extra or {}).get("x-permission", "")
                told = (route.description or "").split("\n")[0]
                verbs = " ".join(sorted(route.methods or ()))
                rows.append((f"`{verbs}`", f"`{route.path}`", f"`{needs}`" if needs else "–", told))
    lead = "Every operation of a hub, and the permission it asks for. Schemas are in `/v1/openapi.json` of a hub."
    return page("API", lead, table(("verb", "address", "permission", "what it does"), rows))


def engines_page() -> str:
    lead = "The `options` of a pool in the grid file, for each engine; the local and the simulated engine have none."
    tables: dict[str, tuple[Option, ...]] = {
        "slurm": slurm.OPTIONS,
        "kubernetes": kubernetes.OPTIONS,
        "ray": ray.OPTIONS,
    }
    parts = []
    for name, options in tables.items():
        rows = (
            (
                f"`{o.name}`",
                "**needed**" if o.needed else f"`{o.default}`" if o.default else "–",
                o.description + (f" One of: {', '.join(o.among)}." if o.among else ""),
            )
            for o in options
        )
        parts.append(f"## {name}\n\n" + table(("option", "default", "meaning"), rows))
    return page("Options of engines", lead, "\n".join(parts))


def pages() -> dict[str, str]:
    """Path in the repository -> text, of every page that is made."""
    made = {"settings": settings_page, "reasons": reasons_page, "errors": errors_page, "job-states": states_page}
    made |= {"roles": roles_page, "api": api_page}
    made["engines"] = engines_page
    return {f"docs/reference/{name}.md": write() for name, write in made.items()}


if __name__ == "__main__":
    for path, text in pages().items():
        (REPO / path).parent.mkdir(parents=True, exist_ok=True)
        (REPO / path).write_text(text, encoding="utf-8")
        print(path)
