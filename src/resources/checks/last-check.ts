/** What is kept of the last look at a server: codes and names, never what was read (threat 104). */
import { z } from 'zod';
import type { SeenTool, ToolDifference } from './difference.ts';
import { type FindingCode, findingCodes } from './finding.ts';
import { type Step, steps, summarize } from './look.ts';

const params = z.record(z.string(), z.union([z.string(), z.number()]));
const found = z.object({
  code: z.enum(findingCodes as [FindingCode, ...FindingCode[]]),
  severity: z.enum(['error', 'warning', 'info']),
  params,
});
const step = z.object({
  step: z.enum(steps),
  result: z.enum(['ok', 'warning', 'failed', 'skipped']),
  findings: z.array(found),
});
const tool = z.object({ name: z.string(), digest: z.string() });
const placed = z.object({ tool: z.string(), scope: z.string() });

const lastCheckSchema = z.object({
  at: z.iso.datetime(),
  steps: z.array(step),
  tools: z.array(tool),
  difference: z
    .object({
      unplaced: z.array(z.object({ tool: z.string(), declared: z.string().optional() })),
      gone: z.array(placed),
      elsewhere: z.array(placed.extend({ declared: z.string() })),
      reworded: z.array(z.string()),
    })
    .optional(),
});

export interface LastCheck {
  /** ISO 8601. */
  at: string;
  steps: readonly Step[];
  /** Of the last look that saw tools. */
  tools: readonly SeenTool[];
  /** Undefined where this look saw none. */
  difference?: ToolDifference | undefined;
}

/** @returns undefined for what another release wrote, which the next look replaces */
export function parseLastCheck(stored: unknown): LastCheck | undefined {
  const parsed = lastCheckSchema.safeParse(stored);
  return parsed.success ? parsed.data : undefined;
}

export const checkHealths = ['ok', 'warning', 'failed', 'skipped'] as const;
/** `skipped`: nothing failed, but not everything that was asked for was seen. */
export type CheckHealth = (typeof checkHealths)[number];

/** How it went as a whole; undefined where nobody has looked yet. */
export function healthOf(check: { steps: readonly Step[] } | undefined): CheckHealth | undefined {
  if (!check) return undefined;
  const { failed, unseen } = summarize(check.steps);
  if (failed > 0) return 'failed';
  if (unseen > 0) return 'skipped';
  return check.steps.some(({ result }) => result === 'warning') ? 'warning' : 'ok';
}
