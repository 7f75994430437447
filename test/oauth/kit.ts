/** What the tests of the OAuth endpoints share: a client with its tokens in one step, and what the record says. */
import { authorize, redeem, registerClient, type TokenAnswer } from '../flow.ts';
import type { Consentry } from '../harness.ts';
import { sql } from '../harness.ts';
import type { Person } from '../person.ts';

export interface Connected {
  clientId: string;
  accessToken: string;
  refreshToken: string;
  idToken: string | undefined;
}

interface Options {
  /** Signed in already, where signing in is not the point. */
  person?: Person;
  clientId?: string;
  params?: Record<string, string | undefined>;
  consent?: Record<string, string | string[]>;
  /** Changes to the token request. */
  token?: Record<string, string | undefined>;
}

/** Registers a public client unless one is named, approves, and redeems the code. */
export async function connect(
  consentry: Consentry,
  { person, clientId, params, consent, token }: Options = {},
): Promise<Connected> {
  const id = clientId ?? (await registerClient(consentry.issuer)).client_id;
  const authorized = await authorize(consentry, id, {
    ...(person ? { person } : {}),
    ...(params ? { params } : {}),
    ...(consent ? { consent } : {}),
  });
  const { status, body } = await redeem(consentry, id, authorized, token);
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`);
  return {
    clientId: id,
    accessToken: String(body.access_token),
    refreshToken: body.refresh_token as string,
    idToken: body.id_token,
  };
}

/** Runs the same request `times` times at once. */
export function atOnce<T>(times: number, request: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: times }, (_, index) => request(index)));
}

/** How often each answer came, such as `{ '200': 1, '400 invalid_grant': 49 }`. */
export function tally(answers: readonly TokenAnswer[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const key = body.error === undefined ? String(status) : `${status} ${body.error}`;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** The reasons of a client's events of one type, oldest first. */
export async function reasons(consentry: Consentry, type: string, clientId: string): Promise<(string | null)[]> {
  const text = 'SELECT reason FROM audit_events WHERE type = $1 AND client_id = $2 ORDER BY seq';
  return (await sql<{ reason: string | null }>(consentry, text, [type, clientId])).map((row) => row.reason);
}
