/** What hashing one password costs here: as much as a person will not notice, never less than OWASP's minimum. */
import { totalmem } from 'node:os';

/** argon2 parameters: memory in KiB, passes, lanes. */
export interface PasswordCost {
  memoryCost: number;
  timeCost: number;
  parallelism: number;
}

/** OWASP Password Storage Cheat Sheet; from there each step costs about half as much again to twice as much. */
export const minimumCost: PasswordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
const steps: readonly PasswordCost[] = [
  minimumCost,
  { memoryCost: 32_768, timeCost: 2, parallelism: 1 },
  { memoryCost: 65_536, timeCost: 2, parallelism: 1 },
  { memoryCost: 65_536, timeCost: 3, parallelism: 1 },
  { memoryCost: 65_536, timeCost: 4, parallelism: 1 },
  { memoryCost: 65_536, timeCost: 6, parallelism: 1 },
];
const TARGET_MS = 200;
const TRIALS = 3;
/** Of the machine's (or container's) memory, all hashes at once may take an eighth. */
const MEMORY_SHARE = 8;

/**
 * Measures the cheapest step and takes the dearest one that should stay within 200 ms.
 * @param spend hashes once at that cost
 * @param maxParallel how many hashes run at once
 */
export async function calibrateCost(
  spend: (cost: PasswordCost) => Promise<void>,
  maxParallel: number,
): Promise<PasswordCost> {
  let fastestMs = Number.POSITIVE_INFINITY;
  for (let trial = 0; trial < TRIALS; trial += 1) {
    const start = performance.now();
    await spend(minimumCost);
    // The fastest is what the machine can do; the others also measure its neighbours.
    fastestMs = Math.min(fastestMs, performance.now() - start);
  }
  return costWithin(TARGET_MS, workOf(minimumCost) / fastestMs, machineMemory() / MEMORY_SHARE / maxParallel);
}

/** The dearest step within both bounds, else the minimum. */
export function costWithin(targetMs: number, workPerMs: number, maxBytes: number): PasswordCost {
  const fits = (cost: PasswordCost) => workOf(cost) / workPerMs <= targetMs && cost.memoryCost * 1024 <= maxBytes;
  return steps.findLast(fits) ?? minimumCost;
}

/** Work in KiB written, to which time is proportional; of a cost, or of a hash in PHC format. */
export function workOf(cost: PasswordCost | string): number {
  if (typeof cost !== 'string') return cost.memoryCost * cost.timeCost;
  const parameter = (name: string) => Number(new RegExp(`[$,]${name}=(\\d+)`).exec(cost)?.[1] ?? 0);
  return parameter('m') * parameter('t');
}

function machineMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
