/** Where the bars of a chart go: numbers for an SVG, in a space that looks the same at every width. */

export interface Point {
  at: Date;
  value: number;
}

export interface Bar extends Point {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface BarChart {
  width: number;
  height: number;
  bars: readonly Bar[];
  /** Lines across, each with its value beside it. */
  grid: readonly { y: number; value: number }[];
  /** Below: the first, the middle and the last day. */
  marks: readonly { x: number; at: Date; anchor: 'start' | 'middle' | 'end' }[];
  total: number;
  highest: Point | undefined;
}

export interface ShareChart {
  width: number;
  height: number;
  parts: readonly { key: string; value: number; percent: number; x: number; width: number }[];
  total: number;
}

const WIDTH = 360;
const HEIGHT = 140;
/** For the values beside the lines, and the days below. */
const LEFT = 38;
const BOTTOM = 20;
const TOP = 8;
/** What no bar is lower than: one is more than none. */
const LEAST = 1.5;

export function barChart(points: readonly Point[]): BarChart {
  const top = roundUp(Math.max(0, ...points.map(({ value }) => value)));
  const space = { width: WIDTH - LEFT, height: HEIGHT - TOP - BOTTOM };
  const step = space.width / Math.max(1, points.length);
  const heightOf = (value: number) => (value === 0 ? 0 : Math.max(LEAST, (value / top) * space.height));
  const bars = points.map((point, place) => {
    const height = heightOf(point.value);
    const y = TOP + space.height - height;
    return {
      ...point,
      x: round(LEFT + place * step + step * 0.14),
      y: round(y),
      width: round(step * 0.72),
      height: round(height),
    };
  });
  const values = top === 1 ? [0, 1] : [0, top / 2, top];
  return {
    ...{ width: WIDTH, height: HEIGHT, bars, marks: marksOf(points, step) },
    grid: values.map((value) => ({ value, y: round(TOP + space.height * (1 - value / top)) })),
    total: points.reduce((sum, { value }) => sum + value, 0),
    highest: points.reduce<Point | undefined>((best, one) => (one.value > (best?.value ?? 0) ? one : best), undefined),
  };
}

function marksOf(points: readonly Point[], step: number): BarChart['marks'] {
  const last = points.length - 1;
  const places = [...new Set([0, Math.floor(last / 2), last])].filter((place) => place >= 0);
  return places.map((place) => ({
    x: round(LEFT + (place + 0.5) * step),
    at: points[place]?.at ?? new Date(0),
    anchor: place === 0 ? 'start' : place === last ? 'end' : 'middle',
  }));
}

/** How a whole divides; parts that are nothing take no room. */
export function shareChart(values: readonly { key: string; value: number }[]): ShareChart {
  const total = values.reduce((sum, { value }) => sum + value, 0);
  let x = 0;
  const parts = values
    .filter(({ value }) => value > 0)
    .map(({ key, value }) => {
      const width = (value / total) * WIDTH;
      const part = { key, value, percent: Math.round((value / total) * 100), x: round(x), width: round(width) };
      x += width;
      return part;
    });
  return { width: WIDTH, height: 36, parts, total };
}

/** To 1, 2, 4 or 10 times a power of ten, so that its half is a whole number too. */
function roundUp(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 4, 6, 8, 10].find((one) => one * power >= value) ?? 10;
  return step * power;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
