/** What people, clients and administrators may do next, for fast-check: numbers choose among whatever there is by then. */
import fc from 'fast-check';

const site = fc.constantFrom('none', 'none', 'none', 'cross-site', 'same-site', 'same-origin', '');
const scope = fc.constantFrom('mail:read', 'mail:read', 'mail:read mail:send', 'openid mail:label', 'mail:send');
const any = fc.nat(99);
/** Rather off than on: what ends everything lets nothing else happen. */
const on = fc.constantFrom(true, false, false);

const MEMBERS = {
  connect: { who: any, site, scope, expiry: fc.constantFrom('max', '30d', 'once') },
  begin: { who: any, site, scope },
  press: { which: any, decision: fc.constantFrom('approve', 'continue', 'deny', 'stop', 'block', '') },
  load: { which: any },
  notYou: { which: any, asAnother: fc.boolean() },
  redeem: { which: any, by: any },
  refresh: { which: any, scope: fc.constantFrom(undefined, 'mail:read', 'mail:send') },
  revoke: { who: any },
  suspend: { who: any },
  document: { change: fc.constantFrom('none', 'none', 'name', 'redirect', 'proof', 'gone') },
  disable: { on },
  deny: { on },
  wait: { minutes: fc.constantFrom(1, 6, 16, 60 * 24 * 29, 60 * 24 * 91) },
} as const;

type Members = typeof MEMBERS;
export type Kind = keyof Members;
type ValueOf<A> = A extends fc.Arbitrary<infer T> ? T : never;
export type StepOf<K extends Kind> = { kind: K } & { [M in keyof Members[K]]: ValueOf<Members[K][M]> };
export type AnyStep = { [K in Kind]: StepOf<K> }[Kind];

const WEIGHTS: Partial<Record<Kind, number>> = { connect: 8, begin: 3, press: 4, load: 2, redeem: 2, refresh: 5 };

/** One step of any kind. */
export const anyStep: fc.Arbitrary<AnyStep> = fc.oneof(
  ...Object.entries(MEMBERS).map(([kind, members]) => ({
    weight: WEIGHTS[kind as Kind] ?? 1,
    arbitrary: stepOf(kind, members),
  })),
);

function stepOf(kind: string, members: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<AnyStep> {
  return fc.record({ kind: fc.constant(kind), ...members }) as unknown as fc.Arbitrary<AnyStep>;
}
