// Loads report pages in headless Chromium, wide and narrow, light and dark, and fails on console errors, network requests,
// a body wider than the window, and text in charts that is clipped or overlaps other text.
//   node tests/browser/check.mjs page.html ... [--shots FOLDER]
// Needs Node and Chromium (or CHROMIUM=path) and nothing else: the browser is driven through its debugging pipe.
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const args = process.argv.slice(2);
const flag = args.indexOf("--shots");
const shots = flag < 0 ? null : args.splice(flag, 2)[1];
const candidates = [process.env.CHROMIUM, "chromium", "chromium-browser", "google-chrome"].filter(Boolean);
const chromium = candidates.find((name) => spawnSync(name, ["--version"]).status === 0);
if (!chromium) {
  console.log("browser test skipped: no chromium found (set CHROMIUM to its path)");
  process.exit(0);
}
if (!args.length) {
  console.error("no pages given");
  process.exit(2);
}
if (shots) mkdirSync(shots, { recursive: true });

const profile = mkdtempSync(join(tmpdir(), "browser-test-"));
const browser = spawn(
  chromium,
  ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank"],
  { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
);
const waiting = new Map();
let listener = () => {};
let number = 0, rest = "";
browser.stdio[4].on("data", (chunk) => {
  const parts = (rest + chunk).split("\0");
  rest = parts.pop();
  for (const message of parts.map((p) => JSON.parse(p))) {
    if (!message.id) { listener(message); continue; }
    const { ok, fail } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) fail(new Error(message.error.message)); else ok(message.result);
  }
});
const send = (method, params = {}, sessionId) =>
  new Promise((ok, fail) => {
    waiting.set(++number, { ok, fail });
    browser.stdio[3].write(JSON.stringify({ id: number, method, params, sessionId }) + "\0");
  });

// Runs in the page: what is wrong with it, in words.
const inspect = () => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > window.innerWidth) wrong.push(`the body is ${root.scrollWidth} px wide, the window ${window.innerWidth}`);
  for (const svg of document.querySelectorAll("svg[role=img]")) {
    const frame = svg.getBoundingClientRect();
    if (!frame.width) continue;
    const title = svg.getAttribute("aria-label").slice(0, 60);
    const texts = [...svg.querySelectorAll("text")].map((t) => [t.textContent, t.getBoundingClientRect(), t.matches(".op, .cell")]);
    const slack = 1.5;
    texts.forEach(([text, a], i) => {
      if (a.left < frame.left - slack || a.right > frame.right + slack || a.top < frame.top - slack || a.bottom > frame.bottom + slack)
        wrong.push(`"${text}" runs out of the chart "${title}"`);
      // Boxes hold the room above and below the letters, which may touch.
      const lean = a.height > a.width * 1.5 ? [a.width * 0.2, 0] : [0, a.height * 0.2];
      for (const [other, b] of texts.slice(i + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left) - lean[0];
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) - lean[1];
        if (across > 0.5 && down > 0.5) wrong.push(`"${text}" and "${other}" overlap in the chart "${title}"`);
      }
    });
  }
  return wrong;
};
// Runs in the page: goes through every panel, points at marks and steps with the keys; says what does not answer.
const use = async () => {
  const wrong = [];
  const choice = document.querySelector(".choice select");
  if (choice) {
    choice.selectedIndex = choice.options.length - 1;
    choice.dispatchEvent(new Event("change", { bubbles: true }));
    const seen = [...document.querySelectorAll(".panel")].filter((p) => !p.hidden).map((p) => p.dataset.panel);
    if (seen.join() !== choice.value) wrong.push(`choosing ${choice.value} shows ${seen}`);
  }
  for (const svg of document.querySelectorAll("figure svg[role=img]")) {
    const mark = svg.querySelector(".m"), output = svg.closest("figure").querySelector("output");
    if (!mark || !svg.getBoundingClientRect().width) continue;
    const box = mark.getBoundingClientRect();
    const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2, bubbles: true };
    mark.dispatchEvent(new PointerEvent("pointermove", at));
    if (!output.textContent) wrong.push(`nothing is said of a mark in "${svg.getAttribute("aria-label")}"`);
    svg.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    if (!output.textContent) wrong.push(`the keys do nothing in "${svg.getAttribute("aria-label")}"`);
    document.body.dispatchEvent(new PointerEvent("pointermove", { clientX: 0, clientY: 0, bubbles: true }));
  }
  return wrong;
};

let failures = 0;
try {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const call = (method, params) => send(method, params, sessionId);
  const run = async (task) => {
    const done = await call("Runtime.evaluate", { expression: `(${task})()`, awaitPromise: true, returnByValue: true });
    if (done.exceptionDetails) return [done.exceptionDetails.exception?.description ?? done.exceptionDetails.text];
    return done.result.value;
  };
  await Promise.all(["Page", "Runtime", "Network", "Log"].map((domain) => call(`${domain}.enable`)));
  for (const page of args) {
    for (const width of [1280, 390]) {
      for (const scheme of ["light", "dark"]) {
        const url = pathToFileURL(resolve(page)).href;
        const wrong = [];
        let loaded;
        const load = new Promise((ok) => { loaded = ok; });
        listener = ({ method, params }) => {
          if (method === "Page.loadEventFired") loaded();
          if (method === "Runtime.exceptionThrown") wrong.push(`script: ${params.exceptionDetails.exception?.description}`);
          if (method === "Runtime.consoleAPICalled" && params.type === "error") wrong.push(`console: ${params.args[0]?.value}`);
          if (method === "Log.entryAdded" && params.entry.level === "error") wrong.push(`console: ${params.entry.text}`);
          if (method === "Network.requestWillBeSent" && params.request.url !== url) wrong.push(`request: ${params.request.url}`);
        };
        await call("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: width < 500 });
        await call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
        await call("Page.navigate", { url });
        await load;
        wrong.push(...(await run(inspect)));
        if (shots) {
          const { data } = await call("Page.captureScreenshot", { captureBeyondViewport: true, format: "png" });
          writeFileSync(join(shots, `${basename(page, ".html")}-${width}-${scheme}.png`), Buffer.from(data, "base64"));
        }
        wrong.push(...(await run(use)), ...(await run(inspect)));
        for (const problem of new Set(wrong)) {
          failures += 1;
          console.error(`${basename(page)} at ${width} px, ${scheme}: ${problem}`);
        }
      }
    }
  }
} finally {
  browser.kill();
  await new Promise((ok) => browser.once("exit", ok));
  rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
}
console.log(failures ? `${failures} problems` : `${args.length} pages are sound`);
process.exit(failures ? 1 : 0);
