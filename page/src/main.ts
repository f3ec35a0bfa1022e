// The page: of a report that was written to a file, or of studies that are served live.

import { finishAll, redrawAll } from "./chart";
import { read } from "./data";
import { el } from "./dom";
import { goLive } from "./live";
import { shell, show } from "./study";

const page = document.getElementById("page")!;
const data = read();
if ("live" in data) {
  goLive(page);
} else {
  document.title = `${data.study}: report`;
  const shown = shell();
  page.replaceChildren(shown.main);
  show(data, shown, el("header", { id: "top" }, el("h1", {}, data.study), el("p", { class: "sub" }, "Report of a search for hyperparameters")));
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);
// Paper is white, whatever the screen is.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.paper = "true";
  finishAll();
  redrawAll();
});
addEventListener("afterprint", () => {
  delete document.documentElement.dataset.paper;
  redrawAll();
});
