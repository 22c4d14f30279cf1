// The page around a build of Perfetto that has none: takes a trace as https://ui.perfetto.dev takes it.
"use strict";

const LOOK_MS = 50;
// Of the address, before the build goes elsewhere in itself.
const asked = new URLSearchParams(location.hash.replace("#!/?", ""));

window.addEventListener("message", (event) => {
  if (event.source !== window.parent) return;
  if (event.data === "PING") {
    event.source.postMessage("PONG", event.origin);
    return;
  }
  const { buffer, title } = event.data.perfetto;
  document.title = title;
  const script = document.createElement("script");
  script.src = "frontend_bundle.js";
  // This build opens what lies at an address of the web, and so it is given the trace when it is about to.
  script.onload = () => {
    const dispatch = globals.dispatch;
    globals._dispatch = (action) =>
      dispatch(action.type === "openTraceFromUrl" ? Actions.openTraceFromBuffer({ buffer, title }) : action);
  };
  document.body.append(script);
  const looking = setInterval(() => {
    if (!window.globals || Object.keys(globals.state.tracks).length === 0) return;
    clearInterval(looking);
    show();
  }, LOOK_MS);
});

// What this build has left out: the place that the address names, and the names of the tracks beside them.
function show() {
  if (asked.has("visStart")) {
    const [start, end] = ["visStart", "visEnd"].map((name) => Number(asked.get(name)) / 1e9);
    const Span = globals.frontendLocalState.visibleWindowTime.constructor;
    globals.frontendLocalState.updateVisibleTime(new Span(start, end));
  }
  setInterval(() => {
    for (const shell of document.querySelectorAll(".track-shell")) {
      const track = globals.state.tracks[shell.parentElement.id.replace("track_", "")];
      if (track) shell.title = track.name;
    }
  }, LOOK_MS);
}
