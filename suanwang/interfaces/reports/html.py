"""A document as one HTML page without anything outside it; it prints on A4."""

from collections.abc import Sequence
from html import escape

from suanwang.interfaces.reports.document import (
    Block,
    Chart,
    Document,
    Facts,
    Heading,
    Notes,
    PageBreak,
    Paragraph,
    Row,
    Table,
    Verdict,
)

_STYLE = """
:root{color-scheme:light}
body{font:15px/1.55 "Noto Sans CJK SC","PingFang SC","Microsoft YaHei",system-ui,sans-serif;max-width:860px;
margin:2em auto;padding:0 1em;color:#222;background:#fff}
h1{font-size:1.7em;margin:0;color:#1f3b73}.subtitle{color:#555;margin:.2em 0 1em}
h2{font-size:1.2em;margin:1.8em 0 .6em;padding-bottom:.2em;border-bottom:2px solid #1f3b73;break-after:avoid}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.86em;margin:.6em 0}
th,td{padding:.28em .5em;border-bottom:1px solid #ddd;text-align:right;vertical-align:top;white-space:nowrap}
th{border-bottom:1.5px solid #1f3b73;font-weight:600}.l{text-align:left}
.t,.T{text-align:left;white-space:normal;overflow-wrap:anywhere}.T{min-width:16em}
tfoot td{font-weight:600;border-top:1.5px solid #1f3b73}
.facts{display:grid;gap:0 2.5em;margin:.8em 0}.facts div{display:flex;justify-content:space-between;gap:1em;
padding:.28em 0;border-bottom:1px solid #ddd}.facts dd{margin:0;font-weight:600;text-align:right}
.verdict{font-size:1.15em;font-weight:600;padding:.7em .9em;background:#eef2f8;border-left:5px solid #1f3b73}
.good{border-color:#1b7f5c;background:#eaf5f0}.bad{border-color:#c8553d;background:#fbeeea}
small{color:#555}svg{width:100%;height:auto;font-family:inherit}
footer{margin-top:2em;color:#555;font-size:.85em}
@media(max-width:600px){.facts{grid-template-columns:1fr!important}}
@media print{body{margin:0;max-width:none;font-size:11px}.break{break-after:page}table,svg{break-inside:avoid}}
@page{size:A4;margin:16mm}
"""


def html_page(document: Document) -> str:
    """The page; texts are escaped, drawings are inline."""
    title = escape(document.title)
    top = f"<h1>{title}</h1>" + (f'<p class="subtitle">{escape(document.subtitle)}</p>' if document.subtitle else "")
    foot = f"<footer>{escape(document.footer)}</footer>" if document.footer else ""
    return (
        f'<!doctype html><html lang="{document.lang}"><head><meta charset="utf-8"/>'
        f'<meta name="viewport" content="width=device-width"/><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>{top}{''.join(map(_html, document.blocks))}{foot}</body></html>\n"
    )


def _html(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Paragraph(text, small):
            return f"<p><small>{escape(text)}</small></p>" if small else f"<p>{escape(text)}</p>"
        case Verdict(text, good):
            kind = {True: " good", False: " bad", None: ""}[good]
            return f'<p class="verdict{kind}">{escape(text)}</p>'
        case Facts(rows, columns):
            pairs = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in rows)
            return f'<dl class="facts" style="grid-template-columns:repeat({columns},1fr)">{pairs}</dl>'
        case Table():
            return _table(block)
        case Chart(svg):
            return svg
        case Notes(items, title):
            top = f"<p>{escape(title)}</p>" if title else ""
            return f"{top}<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
        case PageBreak():
            return '<div class="break"></div>'


def _table(table: Table) -> str:
    def line(row: Row, tag: str) -> str:
        cells = (
            f"<{tag}>{escape(cell)}</{tag}>" if side == "r" else f'<{tag} class="{side}">{escape(cell)}</{tag}>'
            for cell, side in zip(row, table.sides, strict=True)
        )
        return f"<tr>{''.join(cells)}</tr>"

    def part(name: str, rows: Sequence[Row], tag: str) -> str:
        return f"<{name}>{''.join(line(row, tag) for row in rows)}</{name}>" if rows else ""

    body = part("thead", [table.head], "th") + part("tbody", table.rows, "td") + part("tfoot", table.foot, "td")
    return f'<div class="wide"><table>{body}</table></div>'
