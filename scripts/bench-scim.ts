/**
 * How many SCIM requests a second one connection gets, in one run on this machine:
 *
 *   npx consentry scim token create <connection>
 *   node scripts/bench-scim.ts <issuer>/scim/v2 <token> [seconds] [at once]
 *
 * A cycle is what Entra ID does with one person: find, create, read, change, become a member, leave the group, switch
 * off, delete. The people and the group that it makes are gone afterwards.
 */
import { randomUUID } from 'node:crypto';

const [base = '', token = '', seconds = '10', atOnce = '4'] = process.argv.slice(2);
if (!base || !token) {
  console.error('node scripts/bench-scim.ts <issuer>/scim/v2 <token> [seconds] [at once]');
  process.exit(2);
}

const times: number[] = [];

async function send(method: string, path: string, body?: unknown): Promise<{ id: string }> {
  const started = performance.now();
  const response = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  times.push(performance.now() - started);
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? { id: '' } : JSON.parse(text);
}

const patch = (path: string, ...Operations: unknown[]) =>
  send('PATCH', path, { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations });

async function cycle(group: string): Promise<void> {
  const externalId = randomUUID();
  const userName = `bench-${externalId}@example.com`;
  await send('GET', `/Users?filter=${encodeURIComponent(`externalId eq "${externalId}"`)}`);
  const { id } = await send('POST', '/Users', { userName, externalId, emails: [{ type: 'work', value: userName }] });
  await send('GET', `/Users/${id}`);
  await patch(`/Users/${id}`, { op: 'Replace', path: 'displayName', value: 'Bench' });
  await patch(`/Groups/${group}`, { op: 'Add', path: 'members', value: [{ value: id }] });
  await patch(`/Groups/${group}`, { op: 'Remove', path: `members[value eq "${id}"]` });
  await patch(`/Users/${id}`, { op: 'Replace', path: 'active', value: 'False' });
  await send('DELETE', `/Users/${id}`);
}

const { id: group } = await send('POST', '/Groups', { displayName: `bench ${randomUUID()}` });
times.length = 0;
const started = performance.now();
const until = started + Number(seconds) * 1000;
await Promise.all(
  Array.from({ length: Number(atOnce) }, async () => {
    while (performance.now() < until) await cycle(group);
  }),
);
const took = (performance.now() - started) / 1000;
const requests = times.length;
times.sort((one, other) => one - other);
const percentile = (part: number) => Math.round(times[Math.floor((requests - 1) * part)] ?? 0);
await send('DELETE', `/Groups/${group}`);
console.log(`${requests} requests in ${took.toFixed(1)} s: ${Math.round(requests / took)} requests/s`);
console.log(`median ${percentile(0.5)} ms, 99 of 100 within ${percentile(0.99)} ms, ${atOnce} at once`);
