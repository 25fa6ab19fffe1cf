"""What the figures of a study are called by people: variables, ways, depreciation, confidence."""

from collections.abc import Mapping

from suanwang.domain.provenance import Confidence
from suanwang.errors import Message, msg

VARIABLES: Mapping[str, Message] = {
    "price": msg("price"),
    "price_change": msg("change of prices"),
    "utilisation": msg("utilisation"),
    "occupancy_delay": msg("delay of occupancy"),
    "goodput": msg("goodput"),
    "capital_cost": msg("capital cost"),
    "salvage": msg("salvage"),
    "operating_cost": msg("running costs"),
    "tariff": msg("power tariff"),
    "pue": msg("PUE"),
    "power_kw": msg("power of an accelerator"),
    "degradation": msg("degradation"),
    "discount_rate": msg("discount rate"),
    "debt_rate": msg("interest rate"),
    "tax_rate": msg("tax rate"),
}
WAYS: Mapping[str, Message] = {
    "plan": msg("this plan"),
    "forecast": msg("forecast"),
    "build": msg("build"),
    "lease": msg("lease"),
    "cloud": msg("cloud"),
    "join": msg("broker idle capacity"),
    "idle": msg("join with idle cards"),
}
METHODS: Mapping[str, Message] = {
    "straight": msg("straight-line"),
    "declining": msg("declining balance"),
    "exponential": msg("exponential"),
}
TERMS: Mapping[str, Message] = {
    "reserved": msg("reserved"),
    "on_demand": msg("on demand"),
    "spot": msg("spot"),
}
COOLING: Mapping[str, Message] = {
    "air": msg("air cooling"),
    "cold_plate": msg("cold plate"),
    "immersion": msg("immersion"),
}
CONFIDENCE: Mapping[Confidence, Message] = {
    Confidence.MEASURED: msg("measured"),
    Confidence.OFFICIAL: msg("official"),
    Confidence.DATASHEET: msg("data sheet"),
    Confidence.PRESS: msg("press"),
    Confidence.ESTIMATE: msg("estimate"),
}
WAY_KINDS: Mapping[str, Message] = {
    "pretrain": msg("pre-train"),
    "finetune": msg("fine-tune"),
    "rent": msg("rent cards"),
    "api": msg("buy tokens"),
}
COST_PARTS: Mapping[str, Message] = {
    "compute": msg("compute"),
    "power": msg("electricity"),
    "people": msg("people"),
    "data": msg("data"),
    "tokens": msg("tokens bought"),
}
INFLUENCES: Mapping[str, Message] = {
    "use": msg("use"),
    "training_hours": msg("accelerator-hours of a run"),
    "pace_of_a_copy": msg("tokens a copy writes in a second"),
    "price_of_an_accelerator_hour": msg("price of an accelerator-hour"),
    "price_of_tokens": msg("price of tokens"),
    "people": msg("people"),
    "data": msg("data"),
}
