/** Chance that comes out the same for the same seed (sfc32): for what is only looked at. Nothing secret comes of it. */
import { createHash } from 'node:crypto';

export type Dice = ReturnType<typeof createDice>;

export function createDice(seed: string) {
  const start = createHash('sha256').update(seed).digest();
  let a = start.readInt32LE(0);
  let b = start.readInt32LE(4);
  let c = start.readInt32LE(8);
  let count = start.readInt32LE(12);

  /** 0 to 1, without 1. */
  function next(): number {
    const sum = (a + b + count) | 0;
    count = (count + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4_294_967_296;
  }

  /** A whole number from 0, less than `end`. */
  const below = (end: number): number => Math.floor(next() * end);

  function hex(length: number): string {
    let text = '';
    while (text.length < length) text += below(0x1_0000_0000).toString(16).padStart(8, '0');
    return text.slice(0, length);
  }

  function pick<T>(from: readonly T[]): T {
    const picked = from[below(from.length)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  return {
    next,
    below,
    hex,
    pick,
    chance: (likelihood: number): boolean => next() < likelihood,
    between: (first: number, last: number): number => first + below(last - first + 1),
    /** One of the first far more often than one of the last, as things are used. */
    favourite: <T>(from: readonly T[]): T => {
      const favoured = from[Math.floor(from.length * next() ** 2.2)];
      if (favoured === undefined) throw new Error('nothing to pick from');
      return favoured;
    },
    /** Some of them, in their order; at least one. */
    some: <T>(from: readonly T[], likelihood: number): T[] => {
      const some = from.filter(() => next() < likelihood);
      return some.length > 0 ? some : [pick(from)];
    },
    /** Of a row: never as long as an id that is made anywhere else. */
    id: (): string => `${DEMO_ID}${hex(20)}`,
    /** Of its own, so that more of one thing does not change all the others. */
    apart: (name: string) => createDice(`${seed}/${name}`),
  };
}

/** What ids of demo data begin with. */
export const DEMO_ID = 'demo-';
