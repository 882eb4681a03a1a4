// The view of the map: kilometres to pixels, zoom and pan, and room for labels. A pixel of the
// picture is one of the screen, so text has its size on a phone too.
function mapView(picture, allX, allY, changed) {
  "use strict";
  const MARGIN = 34;
  const MOST = 16;
  const [left, right] = [Math.min(...allX), Math.max(...allX)];
  const [low, high] = [Math.min(...allY), Math.max(...allY)];
  let [width, height, scale] = [0, 0, 1];
  let [zoom, panX, panY] = [1, 0, 0];

  function measure() {
    const found = picture.parentElement.clientWidth - 2;
    if (found === width || found < 100) return false;
    width = found;
    const inner = width - 2 * MARGIN;
    const tallest = Math.max(Math.min(inner, 0.78 * window.innerHeight - 2 * MARGIN), 120);
    scale = Math.min(inner / (right - left || 1), tallest / (high - low || 1e-9));
    height = Math.max(scale * (high - low), 60) + 2 * MARGIN;
    picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    return true;
  }

  // North is up.
  const x = (km) => (scale * (km - (left + right) / 2)) * zoom + width / 2 + panX;
  const y = (km) => (scale * ((low + high) / 2 - km)) * zoom + height / 2 + panY;

  function moved(byX, byY) {
    const [farX, farY] = [((zoom - 1) * width) / 2, ((zoom - 1) * height) / 2];
    panX = Math.min(Math.max(panX + byX, -farX), farX);
    panY = Math.min(Math.max(panY + byY, -farY), farY);
    picture.style.touchAction = zoom > 1 ? "none" : "pan-y";
    picture.classList.toggle("zoomed", zoom > 1);
    changed();
  }

  // What is under a point stays there.
  function zoomed(factor, atX = width / 2, atY = height / 2) {
    const next = Math.min(Math.max(zoom * factor, 1), MOST);
    const [fromX, fromY] = [atX - width / 2 - panX, atY - height / 2 - panY];
    const more = next / zoom - 1;
    zoom = next;
    moved(-more * fromX, -more * fromY);
  }

  function local(event) {
    const box = picture.getBoundingClientRect();
    const part = width / box.width;
    return [(event.clientX - box.left) * part, (event.clientY - box.top) * part];
  }

  const fingers = new Map();
  picture.addEventListener("pointerdown", (event) => fingers.set(event.pointerId, local(event)));
  picture.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = local(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId);
    fingers.set(event.pointerId, now);
    if (other) {
      const [ox, oy] = other[1];
      const far = (at) => Math.hypot(at[0] - ox, at[1] - oy) || 1;
      zoomed(far(now) / far(before), (now[0] + ox) / 2, (now[1] + oy) / 2);
    } else if (zoom > 1) {
      picture.setPointerCapture(event.pointerId);
      moved(now[0] - before[0], now[1] - before[1]);
    }
  });
  for (const end of ["pointerup", "pointercancel", "pointerleave"]) {
    picture.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  picture.addEventListener("dblclick", (event) => zoomed(2, ...local(event)));
  picture.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls
    event.preventDefault();
    zoomed(Math.exp(-0.01 * event.deltaY), ...local(event));
  }, { passive: false });
  document.getElementById("map-in").addEventListener("click", () => zoomed(1.6));
  document.getElementById("map-out").addEventListener("click", () => zoomed(1 / 1.6));
  document.getElementById("map-all").addEventListener("click", () => zoomed(0));
  new ResizeObserver(() => { if (measure()) zoomed(0); }).observe(picture.parentElement);
  measure();

  const box = (cx, cy, w, h) => [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
  const meet = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const inside = (a) => a[0] >= 2 && a[1] >= 2 && a[2] <= width - 2 && a[3] <= height - 2;

  // The first of some centres at which a box is inside the frame and clear of others; null if none.
  function free(centres, w, h, taken) {
    return centres.find(([cx, cy]) => {
      const own = box(cx, cy, w, h);
      return inside(own) && !taken.some((other) => meet(own, other));
    }) || null;
  }

  return { x, y, box, inside, free };
}
