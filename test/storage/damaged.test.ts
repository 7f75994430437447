/** Rows that cannot be opened any more keep nobody from being shut out. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authorizationUrl, authorize, introspect, redeem, registerClient, signIn } from '../flow.ts';
import { addPerson, type Consentry, sql, startConsentry } from '../harness.ts';
import { createPerson } from '../person.ts';

let consentry: Consentry;
before(async () => {
  consentry = await startConsentry();
});
after(() => consentry?.close());

test('a session that cannot be opened ends with the others, and only the others are told of', async () => {
  const { artifacts, leavers, accountStore } = consentry.rooms;
  const account = await addPerson(consentry.rooms, 'damaged@here.test');
  const { client_id: clientId } = await registerClient(consentry.issuer);
  const person = createPerson(consentry.issuer);
  await signIn(person, await person.open(authorizationUrl(consentry, clientId).url), account);
  const kept = async () =>
    (await sql(consentry, "SELECT id FROM artifacts WHERE kind = 'Session' AND account_id = $1", [account.id])).length;
  await sql(consentry, "UPDATE artifacts SET payload = 'x' WHERE kind = 'Session' AND account_id = $1", [account.id]);
  await artifacts.upsert('Session', 'whole', { uid: 'whole', accountId: account.id }, 600);
  assert.equal(await kept(), 2);
  const told = await artifacts.take('Session', { accountId: account.id });
  assert.deepEqual(
    told.map(({ uid }) => uid),
    ['whole'],
  );
  assert.equal(await kept(), 0);
  await artifacts.upsert('Session', 'again', { uid: 'again', accountId: account.id }, 600);
  await sql(consentry, "UPDATE artifacts SET payload = 'x' WHERE kind = 'Session' AND account_id = $1", [account.id]);
  assert.equal(await leavers.end({ accountId: account.id, by: 'scim:contoso', reason: 'test' }), 'ended');
  assert.ok((await accountStore.findById(account.id))?.disabledAt);
  assert.equal(await kept(), 0);
});

test('a sign-in that cannot be opened may carry any scope: it ends with those that carry it', async () => {
  const { client_id: clientId } = await registerClient(consentry.issuer);
  const { body } = await redeem(consentry, clientId, await authorize(consentry, clientId));
  assert.equal((await introspect(consentry, body.access_token)).body.active, true);
  const [consent] = await sql<{ id: string }>(consentry, 'SELECT id FROM consents WHERE client_id = $1', [clientId]);
  const id = String(consent?.id);
  const take = () => consentry.rooms.grants.destroyCarrying(id, ['mail:none-of-it']);
  assert.equal(await take(), 0);
  await sql(consentry, "UPDATE grants SET payload = 'x' WHERE consent_id = $1", [id]);
  assert.equal(await take(), 1);
});
