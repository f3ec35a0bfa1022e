// One picture: a figure with a caption, drawn by ECharts in the page's colours, redrawn when the
// window or the colour scheme changes, and told in words to those who do not see it.

import * as echarts from "echarts/core";
import { BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import {
  AriaComponent, DataZoomInsideComponent, GridComponent, LegendPlainComponent, MarkLineComponent, ParallelComponent, TooltipComponent,
  VisualMapContinuousComponent,
} from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
import { el } from "./dom";

echarts.use([
  BarChart, CustomChart, HeatmapChart, LineChart, ParallelChart, ScatterChart, AriaComponent, DataZoomInsideComponent,
  GridComponent, LegendPlainComponent, MarkLineComponent, ParallelComponent, TooltipComponent, VisualMapContinuousComponent, CanvasRenderer,
]);

export interface Colors {
  ink: string; faint: string; line: string; paper: string; accent: string; good: string; bad: string; warm: string;
  best: string; amber: string; // for marks, where text of that colour would be too light
}

// ECharts' own types of options are many times what is used here.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Option = any;

export function colors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: get("ink"), faint: get("faint"), line: get("line"), paper: get("paper"), accent: get("accent"), good: get("good"),
    bad: get("bad"), warm: get("warm"), best: get("best"), amber: get("amber"),
  };
}

// From the worst to the best: dark enough at both ends on white and on black.
export const SCALE = ["#b8c4d6", "#7fa3d1", "#4b7fc0", "#7a5bb0", "#b0367f", "#d9480f"];

// Pictures are drawn one after the other, so that the page can be read and scrolled at once.
const waiting: (() => void)[] = [];

function later(draw: () => void): void {
  document.documentElement.dataset.drawn = "false";
  waiting.push(draw);
  if (waiting.length === 1) setTimeout(drawNext);
}

function drawNext(): void {
  waiting[0]();
  waiting.shift();
  document.documentElement.dataset.drawn = String(waiting.length === 0);
  if (waiting.length > 0) setTimeout(drawNext);
}

// The pictures by their titles: one that is made again, of newer data, stays the same element.
class Picture {
  readonly heading = el("h3");
  readonly hint = el("p", { class: "hint" });
  readonly plot = el("div", { class: "plot", role: "img" });
  readonly box = el("figure", {}, el("figcaption", {}, this.heading, this.hint), this.plot);
  chart: echarts.ECharts | null = null;
  stale = false; // the data are newer than what is drawn
  seen = false;
  make: (c: Colors) => Option = () => ({});

  draw(anew: boolean): void {
    if (!this.plot.isConnected) return;
    const c = colors();
    if (anew) this.chart?.dispose();
    if (anew || !this.chart) this.chart = echarts.init(this.plot); // as large as it is now
    const option = this.make(c);
    this.chart.setOption({
      animation: false,
      textStyle: { color: c.ink, fontFamily: "system-ui, sans-serif" },
      ...option,
      // Canvas text, so that no label of a study is ever read as markup.
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: c.paper, borderColor: c.line,
        textStyle: { color: c.ink, fontSize: 12 }, ...(option.tooltip ?? {}),
      },
    }, { notMerge: true });
    this.stale = false;
    (this.plot as HTMLElement & { chart?: echarts.ECharts }).chart = this.chart;
  }
}

const all = new Map<string, Picture>();
const boxes = new Map<Element, Picture>();
const sizes = new ResizeObserver((entries) => {
  for (const e of entries) boxes.get(e.target)?.chart?.resize();
});
// What is out of sight is drawn again once it comes into sight.
const sight = new IntersectionObserver((entries) => {
  for (const e of entries) {
    const picture = boxes.get(e.target);
    if (!picture) continue;
    picture.seen = e.isIntersecting;
    if (picture.seen && picture.stale) picture.draw(false);
  }
}, { rootMargin: "200px" });

export function redrawAll(): void {
  for (const picture of all.values()) picture.draw(true);
}

// What is not drawn yet, and what is stale, is drawn at once: for printing.
export function finishAll(): void {
  for (const picture of all.values()) if (!picture.chart || picture.stale) picture.draw(false);
}

export function figure(title: string, hint: string, words: string, height: number, make: (c: Colors) => Option, key = title): HTMLElement {
  let picture = all.get(key);
  if (!picture) {
    picture = new Picture();
    all.set(key, picture);
    boxes.set(picture.plot, picture);
    sizes.observe(picture.plot);
    sight.observe(picture.plot);
  }
  const told = picture;
  told.heading.textContent = title;
  told.hint.textContent = hint;
  told.hint.hidden = !hint;
  told.plot.setAttribute("aria-label", `${title}. ${words}`);
  told.plot.style.height = `${height}px`;
  told.make = make;
  if (!told.chart) {
    later(() => told.draw(false));
  } else if (told.seen) {
    told.draw(false);
  } else {
    told.stale = true;
  }
  return told.box;
}

export function axis(c: Colors, more: Option = {}): Option {
  return {
    nameLocation: "middle", nameGap: 28, nameTextStyle: { color: c.faint }, axisLine: { show: true, lineStyle: { color: c.line } },
    axisLabel: { color: c.faint, hideOverlap: true }, splitLine: { lineStyle: { color: c.line, opacity: 0.5 } }, axisTick: { show: false },
    scale: true, ...more,
  };
}

export const GRID = { left: 62, right: 18, top: 14, bottom: 46, containLabel: false };
