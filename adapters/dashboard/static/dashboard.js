// What HTML and htmx can't do: charts, questions before what can't be undone, and a way to hold
// the page still.
"use strict";
(() => {
  let paused = false;
  const lost = document.getElementById("lost");

  const pause = document.getElementById("pause");
  pause?.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Resume updates" : "Pause updates";
  });

  document.addEventListener("htmx:before:request", (event) => {
    const hidden = document.visibilityState === "hidden";
    const loading = event.target.id === "records" && !event.target.dataset.loaded;
    if ((paused || hidden) && !loading) event.preventDefault();
  });
  document.addEventListener("htmx:after:request", (event) => {
    if (event.target.dataset) event.target.dataset.loaded = "yes";
    if (lost) lost.hidden = true;
  });
  document.addEventListener("htmx:error", () => { if (lost) lost.hidden = false; });

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.ask;
    if (question && !window.confirm(question)) { event.preventDefault(); return; }
    for (const button of event.target.querySelectorAll("button")) {
      setTimeout(() => { button.disabled = true; }, 0);  // once, however often it is pressed
    }
  });
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button:disabled")) button.disabled = false;
  });

  const charts = [...document.querySelectorAll(".chart")].map((place) => ({ place, plot: null }));
  if (charts.length === 0) return;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const short = new Intl.NumberFormat("en", { notation: "compact" });

  function drawn(place, stages) {
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const colours = [colour("--first"), colour("--second"), colour("--third")];
    const unit = place.dataset.unit;
    return new uPlot({
      width: place.clientWidth,
      height: 200,
      padding: [8, 28, 0, 0],
      scales: { x: { range: (_, low, high) => (high === null ? [0, 60] : [Math.min(low, high - 60), high]) }, y: { range: (_, low, high) => [0, Math.max(high * 1.1, 5)] } },
      axes: [{ ...axis, space: 90, values: (_, times) => times.map((t) => clock.format(t * 1000)) }, { ...axis, size: 56, values: (_, values) => values.map((v) => short.format(v) + unit) }],
      series: [
        { label: "at", value: (_, t) => (t === null ? "–" : clock.format(t * 1000)) },
        ...stages.map((stage, i) => ({ label: stage, stroke: colours[i % colours.length], width: 2, dash: i ? [6, 4 * i] : [], points: { show: false }, value: (_, v) => (v === null || v === undefined ? "–" : short.format(v) + unit) })),
      ],
    }, [[], ...stages.map(() => [])], place);
  }

  async function refresh(force) {
    if ((paused || document.visibilityState === "hidden") && !force) return;
    const answer = await fetch(charts[0].place.dataset.history, { headers: { accept: "application/json" } });
    if (!answer.ok) return;
    const found = await answer.json();
    if (found.at.length === 0) return;
    for (const chart of charts) {
      chart.plot ??= drawn(chart.place, found.stages);
      chart.plot.setData([found.at, ...found[chart.place.dataset.series]]);
      // The newest figures stand in the legend, once the plot is drawn, unless the pointer asks for others.
      setTimeout(() => { if (!(chart.plot?.cursor.left >= 0)) chart.plot?.setLegend({ idx: found.at.length - 1 }); }, 0);
    }
  }
  const again = () => refresh(false).catch(() => {});
  const anew = () => {
    for (const chart of charts) { chart.plot?.destroy(); chart.plot = null; }
    refresh(true).catch(() => {});
  };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", anew);
  window.addEventListener("resize", () => {
    for (const { place, plot } of charts) plot?.setSize({ width: place.clientWidth, height: 200 });
  });
  refresh(true).catch(() => {});
  setInterval(again, 3000);
})();
