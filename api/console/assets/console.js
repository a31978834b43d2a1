// Times in the viewer's zone on hover, buttons that copy, and the key that goes to the search field. Pages work without it.
(function () {
  "use strict";
  const zone = new Intl.DateTimeFormat("sv-SE", { dateStyle: "short", timeStyle: "long" }); // 2026-11-26 15:05:09 CET: the form of the pages
  function enhance(root) {
    root.querySelectorAll("time[title]").forEach(function (t) { t.title += "\n" + zone.format(new Date(t.dateTime)); });
    root.querySelectorAll("button.copy").forEach(function (b) { b.hidden = !navigator.clipboard; });
    root.querySelectorAll("button[data-print], button[data-save]").forEach(function (b) { b.hidden = false; });
    root.querySelectorAll("[data-chart]").forEach(draw);
  }
  // draw shows checks and hits over time. data-chart holds rows of [seconds, checks, hits, errors]; a table on the page has the same numbers.
  function draw(box) {
    if (typeof uPlot === "undefined" || box.firstChild) { return; }
    const rows = JSON.parse(box.dataset.chart), colour = function (name) { return getComputedStyle(box).getPropertyValue(name).trim(); };
    const columns = [0, 1, 2, 3].map(function (i) { return rows.map(function (r) { return r[i]; }); });
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
    const plot = new uPlot({ width: box.clientWidth, height: 220, legend: { live: true },
      tzDate: function (s) { return uPlot.tzDate(new Date(s * 1000), "Etc/UTC"); },
      series: [{ label: "UTC", value: "{YYYY}-{MM}-{DD} {HH}:{mm}" }, { label: box.dataset.checks, stroke: colour("--accent"), width: 2 }, { label: box.dataset.hits, stroke: colour("--bad"), width: 2, scale: "few" },
        { label: box.dataset.errors, stroke: colour("--warn"), width: 2, scale: "few" }],
      axes: [Object.assign({ values: function (u, all) { return all.map(function (s) { return new Date(s * 1000).toISOString().slice(11, 16); }); } }, axis), Object.assign({ label: box.dataset.checks }, axis),
        Object.assign({ label: box.dataset.hits + " · " + box.dataset.errors }, axis, { side: 1, scale: "few", grid: { show: false } })] }, columns, box);
    new ResizeObserver(function () { plot.setSize({ width: box.clientWidth, height: 220 }); }).observe(box);
  }
  document.addEventListener("click", function (e) {
    const copy = e.target.closest("button.copy");
    if (copy) {
      navigator.clipboard.writeText(copy.dataset.copy).then(function () {
        const text = copy.textContent;
        copy.textContent = "Copied";
        setTimeout(function () { copy.textContent = text; }, 1500);
      });
    }
    if (e.target.closest("button[data-print]")) { window.print(); }
    const save = e.target.closest("button[data-save]"); // saves the text of a field as a file
    if (save) {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([document.getElementById(save.dataset.save).value]));
      link.download = save.dataset.name;
      link.click();
      setTimeout(function () { URL.revokeObjectURL(link.href); }, 60000);
    }
    const all = e.target.closest("input[data-all]");
    if (all) { all.closest("form").querySelectorAll("input[type=checkbox][name=" + all.dataset.all + "]").forEach(function (box) { box.checked = all.checked; }); }
  });
  document.addEventListener("keydown", function (e) {
    if (e.key === "/" && !e.ctrlKey && !e.metaKey && !e.altKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) {
      const find = document.getElementById("find");
      if (find) { e.preventDefault(); find.focus(); find.select(); }
    }
  });
  document.addEventListener("htmx:load", function (e) { enhance(e.target); });
  if (document.readyState === "loading") { document.addEventListener("DOMContentLoaded", function () { enhance(document); }); } else { enhance(document); }
})();
