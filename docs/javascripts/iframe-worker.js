// The search runs in a worker, and browsers start none of a page that was opened as a file. There, a hidden frame takes
// its place: the worker's own script runs in it, and messages go to and fro. Over HTTP, nothing is changed.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.title = "search";
      document.body.append(frame);
      const inner = frame.contentWindow;
      this.ready = new Promise((resolve) => {
        inner.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
        inner.importScripts = (...urls) =>
          urls.reduce((before, one) => before.then(() => Worker.load(inner.document, one)), Promise.resolve());
        Worker.load(inner.document, url).then(resolve);
      });
      this.inner = inner;
    }

    static load(page, url) {
      return new Promise((resolve, reject) => {
        const script = page.createElement("script");
        script.src = url;
        script.onload = resolve;
        script.onerror = reject;
        page.head.append(script);
      });
    }

    postMessage(data) {
      this.ready.then(() => this.inner.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.inner.frameElement.remove();
    }
  };
}
