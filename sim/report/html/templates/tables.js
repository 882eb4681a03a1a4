// Tables sort by their headers; figures offer their data as CSV.
(function () {
  "use strict";

  // "1,234 ± 5" sorts as 1234, "▼ −3" as -3; what is no number sorts as text, dashes come last.
  function value(text) {
    const plain = text.trim().replace(/[▲▼]/g, "").replace(/−/g, "-").replace(/,(?=\d{3})/g, "");
    const number = /^\s*[+-]?\d+(\.\d+)?(e[+-]?\d+)?(?![\w-])/i.exec(plain);
    if (number) return Number(number[0]);
    return plain === "–" || plain === "" ? null : plain.toLowerCase();
  }

  function compare(a, b) {
    if (a === null || b === null) return (a === null) - (b === null);
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  }

  // Rows that explain the row above move with it.
  function groups(body) {
    const found = [];
    for (const row of body.rows) {
      if (row.classList.contains("detail") && found.length) found[found.length - 1].push(row);
      else found.push([row]);
    }
    return found;
  }

  function sortable(table) {
    const body = table.tBodies[0];
    const original = groups(body);
    const headers = [...table.tHead.rows[0].cells];
    headers.forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      header.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" };
        const order = next[header.getAttribute("aria-sort")];
        for (const other of headers) other.setAttribute("aria-sort", "none");
        header.setAttribute("aria-sort", order);
        const sign = order === "descending" ? -1 : 1;
        const keyed = original.map((rows) => [value(rows[0].cells[column].textContent), rows]);
        if (order !== "none") {
          keyed.sort(([a], [b]) => (a === null || b === null ? compare(a, b) : sign * compare(a, b)));
        }
        body.append(...keyed.flatMap(([, rows]) => rows));
      });
    });
  }

  function field(item) {
    if (item === null) return "";
    let text = String(item);
    // A spreadsheet would run a name that starts like a formula.
    if (typeof item === "string" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\r\n]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }

  function csv(content) {
    const lines = [content.columns.map(field).join(",")];
    const count = content.values.length ? content.values[0].length : 0;
    for (let row = 0; row < count; row++) {
      lines.push(content.values.map((column) => field(column[row])).join(","));
    }
    return lines.join("\r\n") + "\r\n";
  }

  function offer(place) {
    const key = place.dataset.offer;
    const source = document.querySelector(`script[data-table="${key}"]`);
    const link = document.createElement("a");
    link.href = "#";
    link.download = `${key}.csv`;
    link.textContent = "Data as CSV";
    link.setAttribute("aria-label", `Data of this figure as CSV: ${key}.csv`);
    link.addEventListener("click", () => {
      const url = URL.createObjectURL(new Blob([csv(JSON.parse(source.textContent))], { type: "text/csv" }));
      link.href = url;
      setTimeout(() => {
        URL.revokeObjectURL(url);
        link.href = "#";
      }, 10000);
    });
    place.append(link);
  }

  document.querySelectorAll("table[data-sortable]").forEach(sortable);
  document.querySelectorAll("[data-offer]").forEach(offer);
})();
