"""Figures as people read them: money, durations, energy, carbon, compute and times, each with its unit."""

from datetime import datetime, tzinfo

from suanwang.domain.estimate import Band
from suanwang.domain.money import Money
from suanwang.errors import Message, msg
from suanwang.units import MICRO

SYMBOLS = {"CNY": "¥", "USD": "$", "EUR": "€"}


def money(amount: Money) -> str:
    """¥ 1,234.57, below a coin ¥ 0.000042; a unit without a symbol follows the amount."""
    text = f"{abs(amount.decimal):,.{6 if 0 < abs(amount.micro) < MICRO // 100 else 2}f}"
    sign = "-" if amount.micro < 0 else ""
    return f"{sign}{SYMBOLS[amount.unit]} {text}" if amount.unit in SYMBOLS else f"{sign}{text} {amount.unit}"


def duration(seconds: float) -> str:
    """3 h 12 min; below a minute in seconds; from two days on in days and hours."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def durations(band: Band) -> str:
    """mid (low–high), all in the unit that suits mid: 3.2 (2.7–5.0) h."""
    scales = (("d", 172_800, 86_400), ("h", 3600, 3600), ("min", 60, 60))
    unit, scale = next(((unit, scale) for unit, least, scale in scales if band.mid >= least), ("s", 1))
    low, mid, high = (f"{seconds / scale:.1f}" for seconds in (band.low, band.mid, band.high))
    return f"{mid} ({low}–{high}) {unit}"


def energy(kwh: float) -> str:
    """MWh, kWh, or Wh where that would show as 0."""
    if 0 < kwh < 0.1:
        return f"{kwh * 1e3:.2f} Wh" if kwh >= 1e-4 else f"{kwh * 1e6:.2f} mWh"
    return f"{kwh / 1000:,.2f} MWh" if kwh >= 1000 else f"{kwh:,.2f} kWh"


def carbon(kg: float) -> str:
    """Tonnes, kg, or g where that would show as 0."""
    if 0 < kg < 0.1:
        return f"{kg * 1e3:.2f} g" if kg >= 1e-4 else f"{kg * 1e6:.2f} mg"
    return f"{kg / 1000:,.2f} t" if kg >= 1000 else f"{kg:,.2f} kg"


def compute(flops: float) -> str:
    """Delivered operations as PFLOP·h, or a smaller unit where that would show as 0."""
    hours = flops / 3600
    for unit, scale in (("EFLOP·h", 1e18), ("PFLOP·h", 1e15), ("TFLOP·h", 1e12), ("GFLOP·h", 1e9)):
        if hours >= scale / 10:
            return f"{hours / scale:,.2f} {unit}"
    return f"{hours / 1e6:,.2f} MFLOP·h"


def card_time(hours: float) -> Message:
    """Cards times hours; below a tenth in seconds."""
    if hours >= 0.1:
        return msg("{hours} card·h", hours=f"{hours:,.2f}")
    return msg("{seconds} card·s", seconds=f"{hours * 3600:,.2f}")


def moment(when: datetime, zone: tzinfo) -> str:
    """Date and time on the clock of a zone, with its offset: 11-23 09:00 +08, or +0530 where it has minutes."""
    return when.astimezone(zone).strftime("%m-%d %H:%M %z").removesuffix("00")


def size(number_of_bytes: float) -> str:
    """Bytes in the largest decimal unit that leaves at least one."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number_of_bytes >= scale:
            return f"{number_of_bytes / scale:,.1f} {unit}"
    return f"{number_of_bytes / 1e3:,.1f} kB"
