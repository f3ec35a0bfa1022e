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
}

// ECharts' own types of options are many times what is used here.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Option = any;

export function colors(): Colors {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: get("ink"), faint: get("faint"), line: get("line"), paper: get("paper"), accent: get("accent"), good: get("good"),
    bad: get("bad"), warm: get("warm"),
  };
}

// From the worst to the best: dark enough at both ends on white and on black.
export const SCALE = ["#b8c4d6", "#7fa3d1", "#4b7fc0", "#7a5bb0", "#b0367f", "#d9480f"];

const drawn: (() => void)[] = [];

export function redrawAll(): void {
  for (const draw of drawn) draw();
}

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

export function figure(title: string, hint: string, words: string, height: number, make: (c: Colors) => Option): HTMLElement {
  const plot = el("div", { class: "plot", style: `height:${height}px`, role: "img", "aria-label": `${title}. ${words}` });
  const box = el("figure", {}, el("figcaption", {}, el("h3", {}, title), hint ? el("p", { class: "hint" }, hint) : null), plot);
  let chart: echarts.ECharts | null = null;
  const draw = () => {
    if (!plot.isConnected) return;
    const c = colors();
    chart?.dispose();
    chart = echarts.init(plot);
    const option = make(c);
    chart.setOption({
      animation: false,
      textStyle: { color: c.ink, fontFamily: "system-ui, sans-serif" },
      ...option,
      // Canvas text, so that no label of a study is ever read as markup.
      tooltip: {
        renderMode: "richText", confine: true, backgroundColor: c.paper, borderColor: c.line,
        textStyle: { color: c.ink, fontSize: 12 }, ...(option.tooltip ?? {}),
      },
    });
    (plot as HTMLElement & { chart?: echarts.ECharts }).chart = chart;
  };
  new ResizeObserver(() => chart?.resize()).observe(plot);
  later(draw);
  drawn.push(draw);
  return box;
}

export function axis(c: Colors, more: Option = {}): Option {
  return {
    nameLocation: "middle", nameGap: 28, nameTextStyle: { color: c.faint }, axisLine: { show: true, lineStyle: { color: c.line } },
    axisLabel: { color: c.faint, hideOverlap: true }, splitLine: { lineStyle: { color: c.line, opacity: 0.5 } }, axisTick: { show: false },
    scale: true, ...more,
  };
}

export const GRID = { left: 62, right: 18, top: 14, bottom: 46, containLabel: false };
