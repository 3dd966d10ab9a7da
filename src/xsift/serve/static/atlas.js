// Aladin Lite, where a reader asks for it: the chosen sources in view over a survey of the sky.

import { catalogue, column } from "./catalogue.js";
import { ofGroup } from "./colours.js";
import { count, el } from "./dom.js";
import { DEG, toEquatorial, toGalactic, vector } from "./geometry.js";
import { openCard, tip } from "./plane.js";
import { IN, allDirections, selection } from "./selection.js";
import { set, state } from "./state.js";
import { notice } from "./notice.js";

const MOST = 5000; // more make Aladin slow: 100,000 take it 20 seconds
const SURVEY = "https://alasky.cds.unistra.fr/DSS/DSSColor";
const SHAPES = { o: "circle", "^": "triangle", v: "triangle", s: "square", D: "rhomb", X: "cross", P: "plus" };

export class Atlas {
  // `refused` is told why Aladin Lite is not to be had.
  constructor(host, { centre, say, refused }) {
    Object.assign(this, { host, centre, say, refused, sky: null, timer: 0 });
  }

  async show() {
    this.starting ??= this.start().catch((error) => {
      // The map shows the same sources.
      this.host.replaceChildren();
      this.starting = null;
      this.refused(error.message);
      set({ atlas: false }, { replace: true });
    });
    await this.starting;
    if (!this.sky || !state.atlas) return;
    this.follow();
    this.later();
  }

  async start() {
    this.say("Loading Aladin Lite");
    const page = await this.openFrame();
    const isOnline = await reaches(`${SURVEY}/properties`, page);
    const A = (this.A = await page.aladin.catch((error) => {
      if (error.message !== "not loaded") throw new Error("Aladin Lite does not run in this browser");
      throw new Error(isOnline ? "what CDS sent is not the Aladin Lite that xsift knows" : "no network to load it from CDS");
    }));
    if (!isOnline) notice("No network: Aladin Lite shows the sources without a picture of the sky");
    const [l, b, zoom] = this.centre();
    this.sky = A.aladin(page.document.getElementById("aladin"), {
      survey: isOnline ? SURVEY : [], hipsList: [], log: false, cooFrame: "galactic", projection: "TAN",
      target: `${l} ${b}`, fov: Math.max(0.02, Math.min(90, 180 / zoom)), backgroundColor: "rgb(12, 17, 32)",
      showCooGrid: false, showReticle: false, showLayersControl: isOnline, showFullscreenControl: false,
      showFrame: false, showProjectionControl: false, showSimbadPointerControl: false,
    });
    this.listen(page);
  }

  // A document of its own: its policy lets Aladin Lite run and ask CDS, and the page's does not.
  async openFrame() {
    this.frame = el("iframe", { class: "fill", title: "Aladin Lite: a survey of the sky", src: "/aladin" });
    const isOpen = new Promise((done) => this.frame.addEventListener("load", done));
    this.host.replaceChildren(this.frame);
    await isOpen;
    const page = this.frame.contentWindow;
    if (!page.aladin) throw new Error("the server does not answer");
    return page;
  }

  listen(page) {
    this.sky.on("positionChanged", () => this.later());
    this.sky.on("zoomChanged", () => this.later());
    this.sky.on("objectClicked", (source) => source?.data && openCard(source.data.index));
    this.sky.on("objectHovered", (source) => source?.data && tip(source.data.index, this.pointer));
    this.sky.on("objectHoveredStop", () => tip(-1));
    this.pointer = { clientX: 0, clientY: 0 };
    page.addEventListener("pointermove", ({ clientX, clientY }) => {
      const { left, top } = this.frame.getBoundingClientRect();
      this.pointer = { clientX: clientX + left, clientY: clientY + top };
    });
    page.addEventListener("keydown", ({ key }) => key === "Escape" && set({ card: "" }));
  }

  // Where the address points elsewhere than Aladin looks, Aladin follows.
  follow() {
    const [l, b, zoom] = this.centre();
    if (this.written === `${l},${b},${zoom}`) return;
    this.written = `${l},${b},${zoom}`;
    this.sky.gotoRaDec(...toEquatorial(l, b));
    this.sky.setFoV(Math.max(0.02, Math.min(90, 180 / zoom)));
  }

  later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.fill(), 200);
  }

  fill() {
    if (!state.atlas || !allDirections()) return;
    const [ra, dec] = this.sky.getRaDec();
    const [wide, high] = this.sky.getFov();
    const [l, b] = toGalactic(ra, dec);
    this.remember(l, b, high);
    const found = inside(l, b, Math.hypot(wide, high) / 2);
    const step = Math.max(1, found.length / MOST);
    const drawn = Array.from({ length: Math.min(found.length, MOST) }, (_, k) => found[Math.floor(k * step)]);
    this.replace(drawn);
    this.say(found.length > MOST
      ? `${count(MOST)} of the ${count(found.length)} chosen sources in view: zoom in for all`
      : `${count(found.length)} chosen sources in view`);
  }

  remember(l, b, high) {
    const round = (v) => Number(v.toPrecision(8));
    const sky = [round(l), round(b), round(Math.max(1, 180 / high))];
    this.written = sky.join(",");
    set({ sky }, { replace: true });
  }

  replace(indices) {
    const [l, b, groups] = [column("glon"), column("glat"), column("group")];
    this.sky.removeOverlays();
    catalogue.groups.forEach((group, code) => {
      const members = indices.filter((i) => groups[i] === code);
      if (!members.length) return;
      const layer = this.A.catalog({
        name: group, color: ofGroup(group, true), sourceSize: 10, shape: SHAPES[catalogue.markers?.[group]] ?? "circle",
      });
      layer.addSources(members.map((i) => this.A.source(...toEquatorial(l[i], b[i]), { index: i })));
      this.sky.addCatalog(layer);
    });
  }
}

function inside(l, b, radius) {
  const v = allDirections();
  const [x, y, z] = vector(l, b);
  const limit = Math.cos(Math.min(radius, 180) * DEG);
  const found = [];
  for (let i = 0, k = 0; i < selection.mask.length; i++, k += 3) {
    if (selection.mask[i] === IN && v[k] * x + v[k + 1] * y + v[k + 2] * z >= limit) found.push(i);
  }
  return found;
}

// Asked from within the frame: the page itself may not ask there.
async function reaches(address, page) {
  try {
    return (await page.fetch(address, { signal: AbortSignal.timeout(4000) })).ok;
  } catch {
    return false;
  }
}
