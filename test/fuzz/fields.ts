/** How the fields of a form or an address may differ from what was meant. */
import fc from 'fast-check';
import { address, json, text } from './arbitraries.ts';

/** `bracket`: as if it were a list, in the ways that some servers read; `raw`: an encoding that no encoder makes. */
export type Twist = {
  name: string;
  how: 'replace' | 'repeat' | 'remove' | 'bracket' | 'raw' | 'rename';
  value: string;
};

const RAW = '%00 % %zz %ff %c0%80 %ed%a0%80 %f0%9f + %2B %25%32%35 = == %0d%0a \u00fc'.split(' ');

/** @param values what may stand in a field beside texts and addresses */
export function twists(values: Readonly<Record<string, readonly string[]>>): fc.Arbitrary<Twist[]> {
  const how = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Twist['how']>('replace') },
    { weight: 5, arbitrary: fc.constantFrom<Twist['how'][]>('repeat', 'remove', 'bracket', 'raw', 'rename') },
  );
  const ofField = Object.entries(values).map(([name, stated]) =>
    fc.record<Twist>({ name: fc.constant(name), how, value: valueLike(stated) }),
  );
  return fc.array(fc.oneof(...ofField), { minLength: 1, maxLength: 3 });
}

function valueLike(stated: readonly string[]): fc.Arbitrary<string> {
  const any = fc.oneof(
    { weight: 3, arbitrary: text },
    { weight: 2, arbitrary: address },
    { weight: 1, arbitrary: json.map((value) => String(JSON.stringify(value))) },
  );
  return stated.length === 0 ? any : fc.oneof(fc.constantFrom(...stated), any);
}

/** The fields as they go out, percent-encoded. */
export function encode(fields: Readonly<Record<string, string | undefined>>, changes: readonly Twist[]): string {
  let pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) pairs.push([name, percent(value)]);
  for (const { name, how, value } of changes) {
    if (how !== 'repeat' && how !== 'bracket') pairs = pairs.filter(([one]) => one !== name);
    if (how === 'replace' || how === 'repeat') pairs.push([name, percent(value)]);
    if (how === 'bracket') pairs.push([`${name}[]`, percent(value)], [`${name}[0]`, 'zq'], [`${name}[zq]`, 'zq']);
    if (how === 'raw') pairs.push([name, RAW[value.length % RAW.length] ?? '%']);
    if (how === 'rename') pairs.push([percent(value), 'zq'], [name.toUpperCase(), 'zq']);
  }
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

export function percent(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}
