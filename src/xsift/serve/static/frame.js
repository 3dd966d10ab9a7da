// Runs in the frame of Aladin Lite: loads the script that the document names, and gives it to the page.

const PATIENCE = 60_000;

window.aladin = load();
window.aladin.catch(() => {}); // the page says what went wrong

async function load() {
  const { address, integrity } = document.documentElement.dataset;
  await run(address, integrity);
  // The module is here, and was checked: importing it again fetches nothing. A build for plain
  // script elements exports nothing and sets a global name.
  const A = (await import(address)).default ?? window.A;
  await A.init;
  return A;
}

function run(src, integrity) {
  return new Promise((done, fail) => {
    const script = document.createElement("script");
    Object.assign(script, { type: "module", crossOrigin: "anonymous", src });
    if (integrity) script.integrity = integrity;
    script.addEventListener("load", done);
    script.addEventListener("error", () => fail(new Error("not loaded")));
    setTimeout(() => fail(new Error("not loaded")), PATIENCE);
    document.head.append(script);
  });
}
