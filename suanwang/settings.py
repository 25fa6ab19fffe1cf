"""Settings: one table, read from the environment (SUANWANG_<NAME>). Documentation is made from this table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    Setting(
        name="fonts",
        default="",
        description="Folders of fonts for PDF files, beside the system's, separated by ':'.",
    ),
    Setting(name="lang", default="", description="Language of messages (zh-CN or en); empty means LANG."),
    Setting(name="tenant", default="me", description="Tenant that orders when a workload file names none."),
    Setting(name="hub", default="", description="Address of a hub that commands talk to; empty means this process."),
    Setting(name="token", default="", description="Token that commands show the hub."),
    Setting(
        name="clock_speed",
        default="1",
        description="Grid seconds for one second of the wall, at least 1; above 1 only for demonstrations.",
    ),
    Setting(name="clock_origin", default="", description="Grid time (ISO 8601) at which a fast clock starts."),
    Setting(name="oidc_issuer", default="", description="Issuer of the identity provider that people log in at."),
    Setting(name="oidc_client_id", default="", description="The hub's name at the identity provider."),
    Setting(name="oidc_client_secret", default="", description="The hub's secret at the identity provider."),
    Setting(
        name="public_url",
        default="",
        description="Address that browsers reach the hub by; empty means the one they asked for.",
    ),
    Setting(
        name="replan_s",
        default="900",
        description="Seconds of grid time between two looks whether jobs that wait gain by a move; 0 means none.",
    ),
    Setting(
        name="signals_s",
        default="900",
        description="Seconds between two readings of the signals of sites by a hub that serves; 0 means at start only.",
    ),
    Setting(
        name="rate_limit",
        default="50",
        description="Requests a second that one user may make at a hub, on average over 4 s; 0 means no limit.",
    ),
    Setting(
        name="in_flight_max",
        default="300",
        description="Requests that a hub answers at the same time; above, it says 429 and when to come again.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process, read once."""

    home: Path
    database_url: str
    catalog: tuple[Path, ...]
    price_books: tuple[Path, ...]
    grid: str
    fonts: tuple[Path, ...]
    lang: str
    tenant: str
    clock_speed: float
    clock_origin: str
    hub: str = ""
    token: str = field(default="", repr=False)
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    public_url: str = ""
    replan_s: float = 900.0
    signals_s: float = 900.0
    rate_limit: float = 50.0
    in_flight_max: int = 300


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
    replan_s = _number(text["replan_s"], "replan_s", 0, 1e9, problems)
    signals_s = _number(text["signals_s"], "signals_s", 0, 1e9, problems)
    rate_limit = _number(text["rate_limit"], "rate_limit", 0, 1e6, problems)
    in_flight_max = _number(text["in_flight_max"], "in_flight_max", 1, 1e5, problems)
    if problems:
        raise InvalidInput(problems)
    home = Path(text["home"]).expanduser()
    return Settings(
        home=home,
        database_url=text["database_url"] or f"sqlite:///{home / 'suanwang.db'}",
        catalog=tuple(Path(p).expanduser() for p in text["catalog"].split(":") if p),
        price_books=tuple(Path(p).expanduser() for p in text["price_books"].split(":") if p),
        grid=text["grid"],
        fonts=tuple(Path(p).expanduser() for p in text["fonts"].split(":") if p),
        lang=text["lang"],
        tenant=text["tenant"],
        clock_speed=speed,
        clock_origin=text["clock_origin"],
        hub=text["hub"],
        token=text["token"],
        oidc_issuer=text["oidc_issuer"],
        oidc_client_id=text["oidc_client_id"],
        oidc_client_secret=text["oidc_client_secret"],
        public_url=text["public_url"].rstrip("/"),
        replan_s=replan_s,
        signals_s=signals_s,
        rate_limit=rate_limit,
        in_flight_max=int(in_flight_max),
    )


def _number(text: str, name: str, least: float, most: float, problems: list[Problem]) -> float:
    """A number within bounds; what is wrong with it goes to `problems`."""
    try:
        number = float(text)
        if least <= number <= most:
            return number
    except ValueError:
        pass
    what = msg("{value!r} is not a number from {least} to {most}.", value=text, least=f"{least:g}", most=f"{most:g}")
    problems.append(Problem(f"SUANWANG_{name.upper()}", what, msg("Unset it for the default.")))
    return least


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
