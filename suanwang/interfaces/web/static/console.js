// What pages need beside htmx: charts, tables that sort, filter and export, and the keyboard. No page needs it to be read.
"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const charts = new Map();

  const renderGantt = (option) => {
    const lanes = option.lanes, items = option.items;
    return {
      grid: { left: 120, right: 16, top: 16, bottom: 40 },
      tooltip: { formatter: (p) => `${p.name}: ${p.value[4]}` },
      xAxis: { type: "time" },
      yAxis: { type: "category", data: lanes, inverse: true },
      series: [{
        type: "custom",
        renderItem: (params, api) => {
          const from = api.coord([api.value(1), api.value(0)]), to = api.coord([api.value(2), api.value(0)]);
          const height = api.size([0, 1])[1] * 0.62;
          const shape = { x: from[0], y: from[1] - height / 2, width: Math.max(to[0] - from[0], 2), height };
          return { type: "rect", shape, style: { fill: api.visual("color"), opacity: 0.85 } };
        },
        encode: { x: [1, 2], y: 0 },
        data: items.map((i) => ({ name: i.name, value: [i.lane, i.start, i.end, i.cards, i.told], itemStyle: { color: css(i.colour) } })),
        markLine: { silent: true, symbol: "none", data: [{ xAxis: option.now }], label: { show: false }, lineStyle: { color: css("--bad") } },
      }],
    };
  };

  const draw = () => {
    for (const script of document.querySelectorAll("script[data-for]")) {
      const place = document.getElementById(script.dataset.for);
      if (!place || !window.echarts) continue;
      let option = JSON.parse(script.textContent);
      if (place.dataset.kind === "gantt") option = renderGantt(option);
      const ink = css("--ink"), soft = css("--soft"), line = css("--line");
      const axis = { axisLabel: { color: soft }, axisLine: { lineStyle: { color: line } }, splitLine: { lineStyle: { color: line } }, nameTextStyle: { color: soft } };
      for (const name of ["xAxis", "yAxis"]) {
        if (option[name]) option[name] = [].concat(option[name]).map((a) => ({ ...axis, ...a }));
      }
      const chart = window.echarts.getInstanceByDom(place) || window.echarts.init(place, null, { renderer: "canvas" });
      chart.setOption({ textStyle: { color: ink, fontFamily: "inherit" }, color: [css("--accent"), css("--wait"), css("--good"), css("--bad"), soft], animation: false, ...option }, true);
      charts.set(place.id, chart);
    }
  };

  const save = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };

  const csv = (table) => [...table.rows].filter((r) => !r.hidden).map((row) =>
    [...row.cells].map((cell) => `"${cell.textContent.trim().replace(/\s+/g, " ").replaceAll('"', '""')}"`).join(",")).join("\r\n");

  const number = (text) => {
    const found = text.replace(/[^\d.+-]/g, "");
    return found && /\d/.test(found) && /^[^A-Za-z]*[\d¥$€]/.test(text.trim()) ? parseFloat(found) : null;
  };

  const sort = (head) => {
    const table = head.closest("table"), index = head.cellIndex, body = table.tBodies[0];
    const up = head.getAttribute("aria-sort") !== "ascending";
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const key = (row) => row.cells[index]?.textContent.trim() ?? "";
    const rows = [...body.rows].sort((a, b) => {
      const x = number(key(a)), y = number(key(b));
      const order = x !== null && y !== null ? x - y : key(a).localeCompare(key(b));
      return up ? order : -order;
    });
    body.append(...rows);
  };

  document.addEventListener("click", (event) => {
    const head = event.target.closest("th[data-sort]");
    if (head) sort(head);
    const csvButton = event.target.closest("[data-csv]");
    if (csvButton) save(new Blob(["\ufeff" + csv(document.getElementById(csvButton.dataset.csv))], { type: "text/csv" }), `${csvButton.dataset.csv}.csv`);
    const png = event.target.closest("[data-png]");
    if (png && charts.has(png.dataset.png)) {
      fetch(charts.get(png.dataset.png).getDataURL({ pixelRatio: 2, backgroundColor: css("--ground") })).then((r) => r.blob()).then((b) => save(b, `${png.dataset.png}.png`));
    }
    const fill = event.target.closest("[data-fill]");
    if (fill) document.getElementById(fill.dataset.fill).value = document.getElementById(fill.dataset.from).textContent;
  });

  document.addEventListener("input", (event) => {
    const box = event.target.closest("[data-filter]");
    if (!box) return;
    const wanted = box.value.toLowerCase();
    for (const row of document.getElementById(box.dataset.filter).tBodies[0].rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
  });

  let at = -1;
  document.addEventListener("keydown", (event) => {
    if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...document.querySelectorAll("table.list tbody tr")].filter((r) => !r.hidden);
    if (event.key === "/" && document.querySelector("[data-filter]")) {
      event.preventDefault();
      document.querySelector("[data-filter]").focus();
    } else if ((event.key === "j" || event.key === "k") && rows.length) {
      at = Math.min(Math.max(at + (event.key === "j" ? 1 : -1), 0), rows.length - 1);
      for (const row of rows) row.classList.toggle("at", row === rows[at]);
      rows[at].scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && event.target.matches("th[data-sort]")) {
      sort(event.target);
    } else if (event.key === "Enter" && rows[at] && !event.target.matches("a, button, summary")) {
      rows[at].querySelector("a")?.click();
    } else if (event.key === "Escape") {
      document.activeElement?.blur();
    }
  });

  const begin = () => {
    for (const head of document.querySelectorAll("table.list thead th")) { head.dataset.sort = ""; head.tabIndex = 0; }
    draw();
  };
  document.addEventListener("DOMContentLoaded", begin);
  document.addEventListener("htmx:afterSwap", begin);
  window.addEventListener("resize", () => charts.forEach((chart) => chart.resize()));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
})();
