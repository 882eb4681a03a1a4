// Text and grid of the figures follow the page's theme; all else is in the figures themselves.
(function () {
  "use strict";
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function theme(layout) {
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

  const plots = [];
  for (const source of document.querySelectorAll("script[data-plot]")) {
    const plot = document.getElementById(source.dataset.plot);
    const figure = JSON.parse(source.textContent);
    Plotly.newPlot(plot, figure.data, figure.layout, {
      responsive: true,
      displaylogo: false,
      displayModeBar: "hover",
      modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    }).then(() => Plotly.relayout(plot, theme(figure.layout)));
    plots.push([plot, figure]);
  }
  dark.addEventListener("change", () => {
    for (const [plot, figure] of plots) Plotly.relayout(plot, theme(figure.layout));
  });
})();
