// Hands the file over to Perfetto's pages in the frame, which keep it in the browser, as they ask for it:
// https://perfetto.dev/docs/visualization/embedding-api-reference
"use strict";

const PING_MS = 100;
const SILENCE_MS = 20000;
const frame = document.getElementById("ui");

function say(text) {
  document.getElementById("said").textContent = text;
}

async function fetched(name) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response;
}

// When the pages in the frame listen: what is sent before is lost, so they are asked until they answer.
function listening(origin) {
  return new Promise((resolve) => {
    const asking = setInterval(() => frame.contentWindow.postMessage("PING", origin), PING_MS);
    const silence = setTimeout(() => {
      say(`Nothing answers at ${frame.src}. Without a network: traceql view --ui FOLDER, with a copy of Perfetto's pages.`);
    }, SILENCE_MS);
    window.addEventListener("message", function answered(event) {
      if (event.source !== frame.contentWindow || event.origin !== origin || event.data !== "PONG") return;
      window.removeEventListener("message", answered);
      clearInterval(asking);
      clearTimeout(silence);
      resolve();
    });
  });
}

async function main() {
  const about = await (await fetched("about.json")).json();
  const { origin } = new URL(about.ui, location.href);
  document.title = about.title;
  say(`Loading ${about.title} …`);
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  frame.src = about.ui;
  const buffer = await (await fetched("trace")).arrayBuffer();
  await loaded;
  await listening(origin);
  const perfetto = { buffer, title: about.title, shareable: false };
  frame.contentWindow.postMessage({ perfetto }, origin, [buffer]);
  say("");
  frame.focus();
}

main().catch((error) => say(`The trace cannot be shown (${error.message}). Is traceql view still running?`));
