// Draws the figures. Text and grid follow the page's theme; all else is in the figures themselves.
(function () {
  "use strict";
  const PAPER_PX = 690; // an A4 page between its margins

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function themed(layout) {
    const changes = { "font.color": colour("--text"), "font.family": "system-ui, sans-serif" };
    for (const key of Object.keys(layout).concat(["xaxis", "yaxis"])) {
      if (/^[xy]axis\d*$/.test(key)) {
        changes[key + ".gridcolor"] = colour("--line");
        changes[key + ".linecolor"] = colour("--line");
        changes[key + ".zerolinecolor"] = colour("--line");
      }
    }
    changes["modebar.bgcolor"] = "rgba(0, 0, 0, 0)";
    changes["modebar.color"] = colour("--soft");
    changes["modebar.activecolor"] = colour("--accent");
    changes["hoverlabel.bgcolor"] = colour("--card");
    changes["hoverlabel.font.color"] = colour("--text");
    return changes;
  }

  // On a narrow page the entries of a legend need several rows; the panels below make room.
  function room(plot, layout) {
    const legend = plot.querySelector(".legend .bg");
    const more = legend ? Math.max(Number(legend.getAttribute("height")) + 32 - layout.margin.t, 0) : 0;
    // A height that is set would switch off that the width follows the page.
    return { "margin.t": layout.margin.t + more, height: layout.height + more, autosize: true };
  }

  const waiting = [...document.querySelectorAll("script[data-plot]")];
  const plots = [];

  function draw(source) {
    const plot = document.getElementById(source.dataset.plot);
    const figure = JSON.parse(source.textContent);
    Plotly.newPlot(plot, figure.data, figure.layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: "hover",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    });
    Plotly.relayout(plot, { ...themed(figure.layout), ...room(plot, figure.layout) });
    plots.push([plot, figure.layout]);
  }

  // One by one, so that the page answers meanwhile.
  function drawNext() {
    if (!waiting.length) {
      document.documentElement.dataset.drawn = "all";
      return;
    }
    draw(waiting.shift());
    setTimeout(drawNext, 0);
  }

  function redraw(more) {
    for (const [plot, layout] of plots) Plotly.relayout(plot, { ...themed(layout), ...more });
  }

  theme.onChange(() => redraw({}));
  window.addEventListener("beforeprint", () => {
    while (waiting.length) draw(waiting.shift());
    redraw({ width: PAPER_PX });
  });
  window.addEventListener("afterprint", () => redraw({ width: null, autosize: true }));
  let resized = 0;
  window.addEventListener("resize", () => {
    clearTimeout(resized);
    resized = setTimeout(() => {
      for (const [plot, layout] of plots) Plotly.relayout(plot, room(plot, layout));
    }, 300);
  });
  drawNext();
})();
