"""Settings: one table, read from the environment (SUANWANG_<NAME>). Documentation is made from this table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from suanwang.errors import InvalidInput, Problem, msg


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: its environment variable is SUANWANG_ and the name in capitals."""

    name: str
    default: str
    description: str

    @property
    def variable(self) -> str:
        return f"SUANWANG_{self.name.upper()}"


TABLE: tuple[Setting, ...] = (
    Setting(
        name="home",
        default="~/.suanwang",
        description="Folder of the database, the local engine's runs and the checkpoints.",
    ),
    Setting(
        name="database_url",
        default="",
        description="SQLAlchemy URL of the database; empty means SQLite in the home folder.",
    ),
    Setting(
        name="catalog",
        default="",
        description="Folders of your own catalog facts, separated by ':'; later ones win over earlier ones.",
    ),
    Setting(
        name="price_books",
        default="",
        description="Folders of price book files (*.yaml), separated by ':'; they add to the grid file's own.",
    ),
    Setting(name="grid", default="", description="Grid file; empty means this machine alone."),
    Setting(name="lang", default="", description="Language of messages (zh-CN or en); empty means LANG."),
    Setting(name="tenant", default="me", description="Tenant that orders when a workload file names none."),
    Setting(
        name="clock_speed",
        default="1",
        description="Grid seconds for one second of the wall, at least 1; above 1 only for demonstrations.",
    ),
    Setting(name="clock_origin", default="", description="Grid time (ISO 8601) at which a fast clock starts."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process, read once."""

    home: Path
    database_url: str
    catalog: tuple[Path, ...]
    price_books: tuple[Path, ...]
    grid: str
    lang: str
    tenant: str
    clock_speed: float
    clock_origin: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Raises InvalidInput, with every problem, when a value cannot be read."""
    text = {s.name: environment.get(s.variable, "") or s.default for s in TABLE}
    problems = []
    try:
        speed = float(text["clock_speed"])
        if not 1 <= speed <= 1e6:
            raise ValueError
    except ValueError:
        speed = 1.0
        problems.append(
            Problem(
                "SUANWANG_CLOCK_SPEED",
                msg("{value!r} is not a number from 1 to 1000000.", value=text["clock_speed"]),
                msg("Unset it for real time."),
            )
        )
    if speed != 1 or text["clock_origin"]:
        problems += _origin_problems(text["clock_origin"])
    if problems:
        raise InvalidInput(problems)
    home = Path(text["home"]).expanduser()
    return Settings(
        home=home,
        database_url=text["database_url"] or f"sqlite:///{home / 'suanwang.db'}",
        catalog=tuple(Path(p).expanduser() for p in text["catalog"].split(":") if p),
        price_books=tuple(Path(p).expanduser() for p in text["price_books"].split(":") if p),
        grid=text["grid"],
        lang=text["lang"],
        tenant=text["tenant"],
        clock_speed=speed,
        clock_origin=text["clock_origin"],
    )


def _origin_problems(text: str) -> list[Problem]:
    """A fast clock needs the time at which it starts."""
    try:
        origin: datetime | None = datetime.fromisoformat(text)
    except ValueError:
        origin = None
    if origin is not None and origin.tzinfo is not None:
        return []
    return [
        Problem(
            "SUANWANG_CLOCK_ORIGIN",
            msg("{value!r} is not a time with an offset.", value=text),
            msg("Write it as 2027-01-01T00:00+08:00."),
        )
    ]
