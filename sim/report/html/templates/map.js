// The map: a picture of one step, a slider through all of them, and a button that plays them.
(function () {
  "use strict";
  const content = JSON.parse(document.getElementById("map-content").textContent);
  const figure = document.getElementById("map");
  const picture = document.getElementById("map-picture");
  const slider = document.getElementById("map-time");
  const choice = document.getElementById("map-controller");
  const button = document.getElementById("map-play");
  const BUSY = 80; // [%]
  const SLOW = 80; // [% of the free speed]
  const JAMMED = 50;
  const STEPS_PER_S = 4;
  const UNKNOWN = 65535;
  // What a truck does is told by a sign too, for those who cannot tell the colours apart.
  const LOOKS = {
    charging: ["#56B4E9", "↓"],
    discharging: ["#E69F00", "↑"],
    "connected, idle": ["#b8b8b8", "="],
    driving: ["#0072B2", "→"],
    queueing: ["#F0E442", "…"],
    "setting up": ["#CC79A7", "+"],
    broken: ["#000000", "×"],
  };
  const pad = (number) => String(number).padStart(2, "0");
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const SCALE = [[0, 8, 48, 107], [0.2, 0, 114, 178], [0.42, 198, 219, 233], [0.5, 245, 245, 242],
    [0.58, 246, 223, 184], [0.8, 230, 159, 0], [1, 138, 60, 0]];

  function element(name, attributes, parent) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, own] of Object.entries(attributes)) made.setAttribute(key, own);
    if (parent) parent.append(made);
    return made;
  }

  const view = mapView(
    picture, content.bus_x.concat(content.road_x), content.bus_y.concat(content.road_y), () => {
      layout();
      painted = null;
      paint();
    });
  const busAt = (bus) => [view.x(content.bus_x[bus]), view.y(content.bus_y[bus])];
  const nodeAt = (node) => [view.x(content.road_x[node]), view.y(content.road_y[node])];
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

  const voltages = content.controllers.map(({ vm }) => new Uint16Array(bytes(vm).buffer));
  const loadings = content.controllers.map(({ loading }) => bytes(loading)); // [%]
  const speeds = bytes(content.road_speed); // of the free ones [%]; empty if all roads flow
  const nBuses = content.buses.length;
  const vLow = Math.min(...content.v_min_pu);
  const vHigh = Math.max(...content.v_max_pu);
  const centre = (vLow + vHigh) / 2;
  const reach = (1.25 * (vHigh - vLow)) / 2;

  function voltage(step, bus) {
    const own = voltages[choice.selectedIndex][step * nBuses + bus];
    return own === UNKNOWN ? null : own * 1e-4;
  }

  // -1 below the limits, 1 above; half of what the stored voltages can tell apart is no violation.
  function side(vm, bus) {
    if (vm === null) return 0;
    return (vm > content.v_max_pu[bus] + 5e-5) - (vm < content.v_min_pu[bus] - 5e-5);
  }

  function shade(vm) {
    const at = Math.min(Math.max((vm - centre) / (2 * reach) + 0.5, 0), 1);
    const next = Math.max(SCALE.findIndex(([edge]) => edge >= at), 1);
    const [from, to] = [SCALE[next - 1], SCALE[next]];
    const part = (at - from[0]) / (to[0] - from[0]);
    const mixed = [1, 2, 3].map((i) => Math.round(from[i] + part * (to[i] - from[i])));
    return `rgb(${mixed})`;
  }

  // A bus within its limits is a dot; below them a triangle down, above them a triangle up.
  const DOT = "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z";
  const DOWN = "M-7.5 -5L7.5 -5L0 8z";
  const UP = "M-7.5 5L7.5 5L0 -8z";
  const DARK = "M-4 -4L4 4M-4 4L4 -4";

  // What stands still: a mark and where its ends are, as functions of the view.
  const layers = {};
  for (const name of ["roads", "rails", "feeder", "stations", "outages", "buses", "cars", "labels", "trucks"]) {
    layers[name] = element("g", { class: name }, picture);
  }
  const links = [];
  function link(layer, from, to) {
    const mark = element("line", {}, layer);
    links.push([mark, from, to]);
    return mark;
  }
  const roadMarks = content.road_links.map(([a, b]) => link(layers.roads, () => nodeAt(a), () => nodeAt(b)));
  for (const [a, b] of content.rail_links) link(layers.rails, () => nodeAt(a), () => nodeAt(b));
  const lineMarks = content.branches.map(([a, b]) => {
    const mark = link(layers.feeder, () => busAt(a), () => busAt(b));
    element("title", {}, mark);
    return mark;
  });
  const sourceMarks = content.sources.map(() => element("rect", { width: 18, height: 18, class: "source" }, layers.feeder));
  const stationMarks = content.stations.map(({ name, bus, node }) => {
    link(layers.stations, () => nodeAt(node), () => busAt(bus));
    const mark = element("rect", { width: 16, height: 16, rx: 3 }, layers.stations);
    element("title", {}, mark).textContent = name;
    return mark;
  });
  const labelMarks = content.stations.map(({ name }) => {
    const label = element("text", { "text-anchor": "middle" }, layers.labels);
    label.textContent = name;
    return label;
  });
  // A line out of service; what is thin is hard to point at, so a broad one lies over it unseen.
  const outageMarks = content.outages.map(({ branch, line, from_h: from, to_h: to }) => {
    const [a, b] = content.branches[branch];
    const mark = element("g", { class: "outage", display: "none" }, layers.outages);
    element("title", {}, mark).textContent = `line ${line}: out of service from ${hourClock(from)} to ${hourClock(to)}`;
    for (const name of ["", "near"]) link(mark, () => busAt(a), () => busAt(b)).setAttribute("class", name);
    return mark;
  });
  const busMarks = content.buses.map(() => {
    const mark = element("path", {}, layers.buses);
    element("title", {}, mark);
    return mark;
  });
  const carMarks = content.evs.map(() => {
    const mark = element("path", { class: "car" }, layers.cars);
    element("title", {}, mark);
    return mark;
  });
  const mostMw = Math.max(1e-9, ...content.controllers.flatMap(({ evs }) => evs.flat().map(Math.abs)));
  const truckMarks = content.vehicles.map(({ name }, i) => {
    const mark = element("g", { class: "truck", "data-truck": i }, layers.trucks);
    element("title", {}, mark).textContent = name;
    element("rect", { x: -17, y: -11, width: 34, height: 17, rx: 4, class: "body" }, mark);
    element("text", { x: 0, y: 2, "text-anchor": "middle" }, mark);
    element("rect", { x: -17, y: 7, width: 34, height: 5, class: "tank" }, mark);
    element("rect", { x: -17, y: 7, width: 0, height: 5, class: "fuel" }, mark);
    return mark;
  });

  let labelled = []; // boxes that labels take up

  function layout() {
    for (const [mark, from, to] of links) {
      const [[x1, y1], [x2, y2]] = [from(), to()];
      for (const [key, own] of Object.entries({ x1, y1, x2, y2 })) mark.setAttribute(key, own.toFixed(1));
    }
    busMarks.forEach((mark, bus) => move(mark, busAt(bus)));
    carMarks.forEach((mark, i) => move(mark, busAt(content.evs[i].bus).map((own) => own + 10)));
    const squares = content.stations.map(({ node }, i) => square(stationMarks[i], nodeAt(node), 16));
    const sources = content.sources.map((bus, i) => square(sourceMarks[i], busAt(bus), 18));
    // Labels keep clear of squares and of each other, and of buses and their stations' trucks if
    // they can; what has no room has no label until one zooms in.
    const hard = [...squares, ...sources];
    const soft = content.buses.map((_, bus) => view.box(...busAt(bus), 10, 10));
    labelled = [];
    labelMarks.forEach((label, i) => {
      const [x, y] = nodeAt(content.stations[i].node);
      const [w, h] = [label.getComputedTextLength() + 6, 16];
      const beside = 11 + w / 2;
      const spots = [[0, 19], [beside, 0], [-beside, 0], [beside, 12], [-beside, 12], [beside, -12],
        [-beside, -12], [w / 3, 20], [-w / 3, 20], [0, -19]].map(([dx, dy]) => [x + dx, y + dy]);
      const seen = view.inside(view.box(x, y, 2, 2));
      const spot = seen && (view.free(spots, w, h, [...hard, ...labelled, ...soft])
        || view.free(spots, w, h, [...hard, ...labelled]));
      label.setAttribute("visibility", spot ? "visible" : "hidden");
      if (!spot) return;
      label.setAttribute("x", spot[0].toFixed(1));
      label.setAttribute("y", (spot[1] + 4.5).toFixed(1));
      labelled.push(view.box(...spot, w, h));
    });
  }

  function move(mark, [x, y]) {
    mark.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
  }

  function square(mark, [x, y], size) {
    mark.setAttribute("x", (x - size / 2).toFixed(1));
    mark.setAttribute("y", (y - size / 2).toFixed(1));
    return view.box(x, y, size, size);
  }

  const rows = content.vehicles.map(({ name }, i) => {
    const row = document.getElementById("map-trucks").insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name === String(i + 1) ? name : `${i + 1} · ${name}`;
    row.append(head);
    for (let cell = 0; cell < 3; cell++) row.insertCell();
    return row;
  });

  function legend() {
    const place = document.getElementById("map-legend");
    const bar = document.createElement("div");
    bar.className = "bar";
    const stops = SCALE.map(([at, ...rgb]) => `rgb(${rgb}) ${100 * at}%`);
    bar.style.background = `linear-gradient(to right, ${stops})`;
    const ticks = document.createElement("div");
    ticks.className = "ticks";
    for (const [text, vm] of [[`▏limit ${vLow.toFixed(2)} pu`, vLow], [`limit ${vHigh.toFixed(2)} pu▕`, vHigh]]) {
      const tick = document.createElement("span");
      tick.textContent = text;
      tick.style.left = `${100 * ((vm - centre) / (2 * reach) + 0.5)}%`;
      if (vm === vHigh) tick.style.transform = "translateX(-100%)";
      ticks.append(tick);
    }
    const shapes = document.createElement("p");
    shapes.textContent = "Buses: ● within limits, ▼ below, ▲ above, × no supply. Square: grid supply.";
    const signs = document.createElement("p");
    signs.className = "signs";
    for (const activity of content.activities) {
      const sign = document.createElement("span");
      const [fill, letter] = LOOKS[activity];
      const swatch = document.createElement("i");
      swatch.textContent = letter;
      swatch.style.background = fill;
      swatch.style.color = ink(activity);
      sign.append(swatch, ` ${activity}`);
      signs.append(sign);
    }
    const strokes = document.createElement("p");
    strokes.className = "signs";
    const drawn = [["busy", `line loaded ${BUSY} to 100 %`], ["over", "beyond 100 %"]];
    if (speeds.length) drawn.push(["slow", `road below ${SLOW} % of its speed`], ["jammed", `below ${JAMMED} %`]);
    for (const [kind, meaning] of drawn) {
      const sign = document.createElement("span");
      const swatch = document.createElement("b");
      swatch.className = kind;
      sign.append(swatch, ` ${meaning}`);
      strokes.append(sign);
    }
    place.append(bar, ticks, shapes, signs, strokes);
  }

  function ink(activity) {
    return activity === "broken" || activity === "driving" ? "#ffffff" : "#10151a";
  }

  function clock(step) {
    return hourClock((step + 1) * content.step_h);
  }

  function hourClock(hour) {
    // Counted in UTC: no reader's daylight saving shall bend the day.
    const time = new Date(Date.parse(content.start + "Z") + hour * 3.6e6);
    return `${time.getUTCDate()} ${MONTHS[time.getUTCMonth()]} ${pad(time.getUTCHours())}:${pad(time.getUTCMinutes())}`;
  }

  function signed(mw) {
    return Math.abs(mw) < 5e-4 ? "0" : (mw > 0 ? "+" : "−") + Math.abs(mw).toFixed(2);
  }

  function paintBuses(step) {
    let below = 0;
    let above = 0;
    let dark = 0;
    let [least, most] = [[Infinity, 0], [-Infinity, 0]];
    for (let bus = 0; bus < nBuses; bus++) {
      const vm = voltage(step, bus);
      const mark = busMarks[bus];
      if (vm === null) {
        mark.setAttribute("d", DARK);
        mark.setAttribute("fill", "none");
        mark.firstChild.textContent = `bus ${content.buses[bus]}: no supply`;
        dark += 1;
        continue;
      }
      const out = side(vm, bus);
      below += out < 0;
      above += out > 0;
      if (vm < least[0]) least = [vm, bus];
      if (vm > most[0]) most = [vm, bus];
      mark.setAttribute("d", out < 0 ? DOWN : out > 0 ? UP : DOT);
      mark.setAttribute("fill", shade(vm));
      mark.firstChild.textContent = `bus ${content.buses[bus]}: ${vm.toFixed(4)} pu`;
    }
    if (least[0] === Infinity) return "No bus has a voltage.";
    const beyond = below + above === 0 ? "All buses are within their limits."
      : `Beyond limits: ${below} below, ${above} above.`;
    const unsupplied = dark ? ` Without supply: ${dark} ${dark > 1 ? "buses" : "bus"}.` : "";
    const at = (bus) => (/^bus\b/i.test(content.buses[bus]) ? content.buses[bus] : `bus ${content.buses[bus]}`);
    return `Lowest ${least[0].toFixed(3)} pu at ${at(least[1])}, highest ${most[0].toFixed(3)} pu at ${at(most[1])}. ${beyond}${unsupplied}`;
  }

  // As the voltages, of the step that ends at the time shown.
  function paintLines(step) {
    const hour = (step + 1) * content.step_h;
    const out = content.outages.filter(({ from_h: from, to_h: to }) => from < hour - 1e-9 && hour <= to + 1e-9);
    const tripped = new Set(out.map(({ branch }) => branch));
    outageMarks.forEach((mark, i) => mark.setAttribute("display", out.includes(content.outages[i]) ? "inline" : "none"));
    const own = loadings[choice.selectedIndex];
    let most = [-1, 0];
    lineMarks.forEach((mark, i) => {
      const [from, to, closed] = content.branches[i];
      const percent = own[step * lineMarks.length + i];
      const dead = closed && (voltage(step, from) === null || voltage(step, to) === null);
      const load = dead ? "dead" : percent > 100 ? "over" : percent >= BUSY ? "busy" : "";
      mark.setAttribute("class", [closed ? load : "open", tripped.has(i) ? "tripped" : ""].join(" ").trim());
      mark.firstChild.textContent = `${content.branch_names[i]}: ${!closed ? "open" : dead ? "no supply" : `${percent} %`}`;
      if (closed && !dead && percent > most[0]) most = [percent, i];
    });
    const names = [...new Set(out.map(({ line }) => line))];
    const highest = most[0] < 0 ? "" : ` Highest loading ${most[0]} % (${content.branch_names[most[1]]}).`;
    return highest + (names.length ? ` Out of service: ${names.length > 1 ? "lines" : "line"} ${names.join(", ")}.` : "");
  }

  function paintRoads(step) {
    if (!speeds.length) return;
    roadMarks.forEach((mark, i) => {
      const percent = speeds[step * roadMarks.length + i];
      mark.setAttribute("class", percent < JAMMED ? "jammed" : percent < SLOW ? "slow" : "");
    });
  }

  function paintCars(step) {
    const { evs } = content.controllers[choice.selectedIndex];
    carMarks.forEach((mark, i) => {
      const mw = evs.length ? evs[i][step] : 0; // positive draws
      const size = (4 + 5 * Math.sqrt(Math.abs(mw) / mostMw)).toFixed(1);
      const doing = mw > 5e-5 ? "charging" : mw < -5e-5 ? "discharging" : "connected, idle";
      mark.setAttribute("d", `M0 -${size}L${size} 0L0 ${size}L-${size} 0z`);
      mark.setAttribute("fill", LOOKS[doing][0]);
      mark.firstChild.textContent = `cars of ${content.evs[i].name}: ${doing === "connected, idle" ? "idle" : doing} ${Math.abs(1000 * mw).toFixed(0)} kW`;
    });
  }

  // What a truck does at an hour; a bar holds until its end.
  function barAt({ bars }, hour) {
    return bars.find(([end]) => hour <= end + 1e-9) || bars[bars.length - 1];
  }

  function placeAt({ track }, hour) {
    const next = track.findIndex(([time]) => time >= hour - 1e-9);
    if (next === -1) return track[track.length - 1].slice(1);
    if (next === 0) return track[0].slice(1);
    const [from, to] = [track[next - 1], track[next]];
    const part = Math.min(Math.max((hour - from[0]) / (to[0] - from[0] || 1), 0), 1);
    return [from[1] + part * (to[1] - from[1]), from[2] + part * (to[2] - from[2])];
  }

  function paintTrucks(at) {
    const hour = (at + 1) * content.step_h;
    const step = stepAt(at);
    const own = content.controllers[choice.selectedIndex].trucks;
    const taken = [];
    own.forEach((truck, i) => {
      const [xKm, yKm] = placeAt(truck, hour);
      const [sx, sy] = [view.x(xKm), view.y(yKm)];
      // Trucks at one place stand above one another, or beside where that leaves the frame; those
      // that stand still keep clear of labels.
      const still = barAt(truck, hour)[1] !== content.activities.indexOf("driving");
      const spots = [];
      for (const aside of [0, 38, -38, 76, -76]) {
        for (const up of [19, 44, 69, 94, -24, -49]) spots.push([sx + aside, sy - up]);
      }
      const [x, y] = view.free(spots, 36, 24, still ? [...taken, ...labelled] : taken)
        || view.free(spots, 36, 24, taken) || spots[0];
      taken.push(view.box(x, y, 36, 24));
      const mark = truckMarks[i];
      const activity = content.activities[barAt(truck, hour)[1]];
      const [fill, letter] = LOOKS[activity];
      const [, body, text, , fuel] = mark.children;
      mark.setAttribute("transform", `translate(${x.toFixed(2)} ${y.toFixed(2)})`);
      mark.setAttribute("visibility", view.inside(view.box(sx, sy, 2, 2)) ? "visible" : "hidden");
      mark.dataset.activity = activity;
      body.setAttribute("fill", fill);
      text.textContent = `${i + 1} ${letter}`;
      text.style.fill = ink(activity);
      fuel.setAttribute("width", 34 * Math.min(Math.max(truck.mwh[step] / content.vehicles[i].mwh, 0), 1));
    });
  }

  function paintRows(step) {
    content.controllers[choice.selectedIndex].trucks.forEach((truck, i) => {
      const [, what, where] = barAt(truck, (step + 1) * content.step_h);
      const activity = content.activities[what];
      const station = content.stations[where];
      const cells = rows[i].cells;
      cells[1].textContent = activity + (station ? `${activity === "driving" ? " to" : " at"} ${station.name}` : "");
      cells[2].textContent = signed(truck.mw[step]);
      cells[3].textContent = truck.mwh[step].toFixed(2);
    });
  }

  let shown = 0; // a step at its end; a fraction lies inside the step after
  let painted = null;

  function stepAt(at) {
    return Math.max(Math.ceil(at - 1e-9), 0);
  }

  function paint() {
    const step = stepAt(shown);
    const key = `${choice.selectedIndex} ${step}`;
    paintTrucks(shown);
    if (painted === key) return;
    painted = key;
    const words = paintBuses(step) + paintLines(step);
    paintRoads(step);
    paintCars(step);
    paintRows(step);
    slider.value = step;
    const time = clock(step);
    slider.setAttribute("aria-valuetext", time);
    document.getElementById("map-clock").textContent = time;
    document.getElementById("map-words").textContent = words;
  }

  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  let playing = null;

  function frame(now) {
    if (playing === null) return;
    const last = content.steps - 1;
    shown = Math.min(playing.from + ((now - playing.since) / 1000) * STEPS_PER_S, last);
    if (calm.matches) shown = stepAt(shown);
    paint();
    if (shown >= last) play(false);
    else requestAnimationFrame(frame);
  }

  function play(on) {
    if (on && shown >= content.steps - 1) shown = -1;
    playing = on ? { from: shown, since: performance.now() } : null;
    button.setAttribute("aria-pressed", String(on));
    button.firstElementChild.textContent = on ? "❚❚" : "▶";
    button.querySelector(".word").textContent = on ? "Pause" : "Play";
    if (on) requestAnimationFrame(frame);
    else shown = stepAt(shown);
    paint();
  }

  for (const { name } of content.controllers) choice.add(new Option(name));
  choice.selectedIndex = content.controllers.findIndex(({ name }) => name === content.shown); // the best
  slider.max = content.steps - 1;
  choice.addEventListener("change", paint);
  button.addEventListener("click", () => play(playing === null));
  slider.addEventListener("input", () => {
    play(false);
    shown = Number(slider.value);
    paint();
  });
  figure.addEventListener("keydown", (event) => {
    // Buttons and lists have their own use for the space bar.
    if (event.key !== " " || event.target.closest("button, select")) return;
    event.preventDefault();
    play(playing === null);
  });
  legend();
  layout();
  // Where most buses are beyond limits or dark; where none ever is, noon says more of a day than midnight.
  function beyond(step) {
    let sum = 0;
    for (let bus = 0; bus < nBuses; bus++) {
      const vm = voltage(step, bus);
      sum += vm === null || side(vm, bus) !== 0;
    }
    return sum;
  }

  shown = Math.min(Math.round(12 / content.step_h) - 1, content.steps - 1);
  let worst = beyond(shown);
  for (let step = 0; step < content.steps; step++) {
    if (beyond(step) > worst) [shown, worst] = [step, beyond(step)];
  }
  paint();
  performance.mark("map drawn");
})();
