"""The report of a replay: one HTML page without anything outside it, with figures, bounds and charts."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from suanwang.interfaces.reports import replay_charts as charts

_STYLE = """
body{font:15px/1.5 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;max-width:980px;
margin:2em auto;padding:0 1em;color:#222}h1{font-size:1.6em}h2{margin-top:1.6em;border-bottom:2px solid #1f3b73}
table{border-collapse:collapse;width:100%;font-size:.88em}th,td{padding:.25em .5em;border-bottom:1px solid #ddd;
text-align:right}th:first-child,td:first-child{text-align:left}svg{width:100%;height:auto}small{color:#666}
.said{font-size:1.1em;padding:.6em;background:#eef2f8;border-left:5px solid #1f3b73}
@media print{body{margin:0;max-width:none}section{break-inside:avoid-page}}@page{size:A4 landscape;margin:14mm}
"""

FIGURES: Mapping[str, tuple[str, str, str]] = {
    "accelerators": ("Accelerators", "加速卡", ""),
    "nodes": ("Nodes", "节点", ""),
    "jobs": ("Jobs", "作业", ""),
    "never_started": ("Never started", "从未启动", ""),
    "allocation_ratio": ("Allocation ratio", "分配率", "%"),
    "allocation_ratio_upper_bound": ("Upper bound of it", "分配率上界", "%"),
    "fragmentation_ratio": ("Fragmentation of what is free", "空闲资源碎片率", "%"),
    "mean_wait_s": ("Mean wait", "平均等待", "h"),
    "p95_wait_s": ("Wait, 95th percentile", "等待时间95分位", "h"),
    "mean_bounded_slowdown": ("Mean bounded slowdown", "平均有界减速比", ""),
    "mean_completion_s": ("Mean completion time", "平均完成时间", "h"),
    "mean_completion_s_lower_bound": ("No schedule is below", "完成时间下界", "h"),
    "makespan_s": ("Makespan", "总完工时间", "h"),
    "makespan_s_lower_bound": ("No schedule is below", "总完工时间下界", "h"),
    "utilisation": ("Utilisation", "利用率", "%"),
    "utilisation_upper_bound": ("No schedule is above", "利用率上界", "%"),
    "fairness": ("Fairness (Jain, 1: all alike)", "公平性(Jain 指数)", ""),
    "deadlines": ("Jobs with a deadline", "有截止时间的作业", ""),
    "deadline_misses": ("Deadlines missed", "错过截止时间", ""),
    "preemptions": ("Preemptions", "抢占次数", ""),
    "resizes": ("Resizes", "伸缩次数", ""),
    "energy_kwh": ("Energy at the meter", "电表电量", "kWh"),
    "energy_cost": ("Cost of energy", "电费", "money"),
    "rent": ("Rent at list price", "按标价租金", "money"),
    "carbon_kg": ("CO₂", "碳排放", "kg"),
}
WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Replay of", "回放:"),
    "figures": ("Figures", "指标"),
    "busy": ("Accelerators in use", "使用中的加速卡"),
    "waiting": ("Jobs that wait", "等待的作业"),
    "hours": ("hours from the trace's beginning", "距轨迹开始的小时数"),
    "wait": ("Mean wait, h", "平均等待(小时)"),
    "ratio": ("Allocation ratio, %", "分配率(%)"),
    "note": (
        "Energy, money and carbon are modelled: accelerators in use draw their card's power and their part of the"
        " node's; idle ones are not counted. Bounds hold for every schedule of the same jobs on the same accelerators.",
        "电量、费用与碳排放为模型估算:使用中的加速卡按卡功率及所分摊的节点功率计,空闲卡不计。"
        "界限对同一批作业、同样加速卡上的任何调度都成立。",
    ),
    "hash": ("Event log (SHA-256)", "事件日志(SHA-256)"),
}


def replay_report(trace: str, results: Sequence[Mapping[str, Any]], lang: str, said: str = "") -> str:
    """The page, in Chinese for `zh-CN`. `said`: a sentence at the head, such as a recommendation."""
    zh = int(lang == "zh-CN")
    words = {name: pair[zh] for name, pair in WORDS.items()}
    title = escape(f"{words['title']} {trace}")
    head = f'<p class="said">{escape(said)}</p>' if said else ""
    body = head + _section(words["figures"], _table(results, zh) + f"<p><small>{escape(words['note'])}</small></p>")
    names = [str(result["name"]) for result in results]
    if any("mean_wait_s" in result for result in results):
        waits = [float(result["mean_wait_s"]) / 3600 for result in results]
        body += _section(words["wait"], charts.bars(names, waits, words["wait"]))
    else:
        ratios = [100 * float(result["allocation_ratio"]) for result in results]
        bounds = [100 * float(result["allocation_ratio_upper_bound"]) for result in results]
        body += _section(words["ratio"], charts.bars(names, ratios, words["ratio"], bounds))
    timed = [(name, result["series"]) for name, result in zip(names, results, strict=True) if "series" in result]
    for which in ("busy", "waiting"):
        lines = [(name, [t / 3600 for t in s["at_s"]], list(s[which])) for name, s in timed]
        if lines:
            body += _section(words[which], charts.lines(lines, words[which], words["hours"]))
    hashes = "".join(f"<li>{escape(str(r['name']))}: <code>{r['event_log_sha256']}</code></li>" for r in results)
    body += _section(words["hash"], f"<ul>{hashes}</ul>")
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{body}</body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"


def _table(results: Sequence[Mapping[str, Any]], zh: int) -> str:
    head = "".join(f"<th>{escape(str(result['name']))}</th>" for result in results)
    rows = []
    for key, names in FIGURES.items():
        values = [result.get(key) for result in results]
        if all(value is None for value in values):
            continue
        cells = "".join(f"<td>{escape(_figure(v, names[2], r))}</td>" for v, r in zip(values, results, strict=True))
        rows.append(f"<tr><td>{escape(names[zh])}</td>{cells}</tr>")
    return f"<table><thead><tr><th></th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _figure(value: Any, unit: str, result: Mapping[str, Any]) -> str:
    if value is None:
        return "–"
    if unit == "%":
        return f"{100 * value:.2f} %"
    if unit == "h":
        return f"{value / 3600:,.2f} h"
    unit = str(result.get("currency", "")) if unit == "money" else unit
    shown = f"{value:,.2f}" if isinstance(value, float) and abs(value) < 10_000 else f"{value:,.0f}"
    return f"{shown} {unit}".strip()
