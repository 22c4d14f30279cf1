// The search runs in a worker, which browsers refuse to a page that was opened as a file: there, a frame of the page
// does a worker's work. Its script hears messages and posts them as in a worker.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const frame = document.createElement("iframe")
      frame.hidden = true
      this.ready = new Promise((loaded) => {
        frame.addEventListener("load", () => {
          const inside = frame.contentWindow
          inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }))
          loaded(inside)
        })
      })
      const script = document.createElement("script")
      script.src = url
      frame.srcdoc = script.outerHTML
      document.body.append(frame)
    }

    postMessage(data) {
      this.ready.then((inside) => inside.dispatchEvent(new MessageEvent("message", { data })))
    }
  }
}
