/** What is around the page that a request is for, kept for the page that says why it cannot be. */
import type { Context } from 'koa';
import type { Frame } from './visit.ts';

const KEPT = Symbol('frame');

/** From here on whoever asks is known to be one of the dashboard's. */
export function keepFrame(ctx: Context, frame: Frame): void {
  (ctx.state as Record<symbol, unknown>)[KEPT] = frame;
}

export function keptFrame(ctx: Context): Frame | undefined {
  return (ctx.state as Record<symbol, unknown>)[KEPT] as Frame | undefined;
}
