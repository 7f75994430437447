/** Connections from a file: every problem at once, and the database follows the file. */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ConfigError } from '../../src/config.ts';
import { synchroniseConnections } from '../../src/configured-connections.ts';
import { readConfigured } from '../../src/federation/configuration/configured.ts';
import { inRequest } from '../../src/web/request-context.ts';
import { CLIENT, type ConnectionWorld, startConnectionWorld, TENANT } from '../cli/connection-kit.ts';
import { refresh, registerClient } from '../flow.ts';
import { sql } from '../harness.ts';
import { isConsentPage, words } from '../interaction/kit.ts';
import { createPerson } from '../person.ts';
import { assertionKey } from './entra/kit.ts';
import { connectUpstream, type Federated, signInUpstream } from './kit.ts';

const files: Record<string, string> = {};
const pem = ({ certificate, privateKey }: ReturnType<typeof assertionKey>) => certificate + privateKey;
Object.assign(files, {
  '/etc/consentry/secret': 'of-the-file\n',
  '/etc/consentry/a.pem': pem(assertionKey('a')),
  '/etc/consentry/b.pem': pem(assertionKey('b')),
  '/run/token': 'x.y.z',
});
const ISSUER = 'https://auth.contoso.test';
const read = (entries: unknown, env: Record<string, string> = {}) => {
  files['/etc/consentry/connections.json'] = typeof entries === 'string' ? entries : JSON.stringify(entries);
  const readFile = (path: string) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
    return text;
  };
  return readConfigured({ path: '/etc/consentry/connections.json', env, issuer: ISSUER, readFile });
};
const entra = (more: object = {}) => ({
  id: 'entra',
  kind: 'entra',
  tenants: [TENANT],
  client_id: CLIENT,
  client_secret_file: 'secret',
  ...more,
});
const oidc = (more: object = {}) => ({
  id: 'idp',
  kind: 'oidc',
  issuer: 'https://idp.test',
  client_id: 'x',
  client_secret_env: 'IDP_SECRET',
  ...more,
});

describe('the file', () => {
  test('says the same as the options of connection add', () => {
    const [one, two, three] = read(
      [
        entra({
          name: 'Contoso',
          groups: true,
          guests: true,
          exclusive: true,
          provisioning: 'scim',
          secret_expires: '2099-05-01',
          check_minutes: 5,
        }),
        oidc({ roles_claim: 'roles', offline_access: true, client_auth: 'client_secret_post' }),
        entra({
          id: 'certified',
          name: 'Certified',
          client_secret_file: undefined,
          certificate_files: ['a.pem', '/etc/consentry/b.pem'],
        }),
      ],
      { IDP_SECRET: 'of-the-environment' },
    );
    assert.deepEqual(one, {
      id: 'entra',
      kind: 'entra',
      origin: 'configuration',
      name: 'Contoso',
      exclusive: true,
      provisioning: 'scim',
      settings: {
        ...{ cloud: 'global', tenants: [TENANT], clientId: CLIENT, authentication: 'client_secret', guests: true },
        ...{ groups: 'mapped', authContexts: [], checkMinutes: 5 },
      },
      secrets: { clientSecret: 'of-the-file', certificates: [] },
      credentialEndsAt: new Date('2099-05-01'),
    });
    assert.equal(two?.secrets.clientSecret, 'of-the-environment');
    assert.deepEqual([two?.name, two?.settings.authentication], ['idp.test', 'client_secret_post']);
    assert.equal(three?.secrets.certificates.length, 2);
    assert.equal(three?.credentialEndsAt?.getUTCFullYear(), 2076);
    assert.deepEqual(read([]), []);
  });

  test('is told all its problems at once, and no secret with them', () => {
    const problems = (() => {
      try {
        read(
          [
            entra({ id: 'Not Fit', tenants: ['contoso.com'], colour: 'red' }),
            oidc({ issuer: ISSUER, client_secret_env: 'MISSING' }),
            oidc({ id: 'mixed', client_secret_file: 'secret', private_key_file: 'a.pem' }),
            { id: 'none', kind: 'saml' },
            entra({ id: 'text', certificate_files: 'a.pem' }),
            entra({
              ...{ id: 'loose', groups: 'yes', guests: 'no', exclusive: 1, provisioning: 'never', check_minutes: 0 },
              ...{ client_secret_file: undefined, certificate_file: 'a.pem', checkMinutes: 5, tenants: ['x'] },
            }),
            oidc({ id: 'looser', offline_access: 'true', issuer: 'x', cloud: 'global' }),
          ],
          { IDP_SECRET: 'never-shown' },
        );
      } catch (error) {
        assert.ok(error instanceof ConfigError);
        return error.problems;
      }
      return [];
    })();
    const text = problems.join('\n');
    for (const expected of [
      /^CONNECTIONS_FILE \(Not Fit\): id must be lower-case/m,
      /\(Not Fit\): tenants has "contoso\.com"/,
      /\(idp\): client_secret_env has no secret in it: the variable MISSING/,
      /\(mixed\): \w+ stands beside another way/,
      /\(none\): kind must be entra or oidc/,
      /\(text\): certificate_files must be an array/,
      ...['groups', 'guests', 'exclusive'].map((key) => new RegExp(`\\(loose\\): ${key} must be true or false$`, 'm')),
      /\(loose\): provisioning must be first_sign_in or scim$/m,
      /\(loose\): check_minutes must be a whole number from 1 to 1440$/m,
      /\(loose\): certificate_file is not known here/,
      /\(loose\): checkMinutes is not known here/,
      /\(loose\): tenants has "x"/,
      /\(loose\): federated_token_file \/ certificate_files \/ client_secret_file .* is missing/,
      /\(looser\): offline_access must be true or false$/m,
      /\(looser\): issuer is missing or no URL/,
      /\(looser\): cloud is not known here/,
    ])
      assert.match(text, expected);
    assert.ok(!text.includes('never-shown') && !text.includes('of-the-file'));
  });

  for (const [what, entries, expected] of [
    ['that is no JSON', '[', /is no JSON/],
    ['that is no array', '{}', /must be an array/],
    ['with an unknown member', [entra({ colour: 'red' })], /colour is not known here/],
    ['with a connection to Consentry itself', [oidc({ issuer: ISSUER })], /this Consentry itself/],
    ['with an id twice', [entra(), entra({ name: 'Two' })], /id is used twice/],
    ['with a name twice', [entra(), entra({ id: 'two' })], /name is that of entra too/],
    [
      'with a key twice',
      [
        entra({ client_secret_file: undefined, certificate_files: ['a.pem'] }),
        entra({ id: 'two', name: 'Two', client_secret_file: undefined, certificate_files: ['a.pem'] }),
      ],
      /the same key as the connection Microsoft/,
    ],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(
        () => read(entries, { IDP_SECRET: 's' }),
        (error) => error instanceof ConfigError && expected.test(error.message),
      );
    });
  }

  test('may name a certificate that has ended: nobody else is kept from starting', () => {
    files['/etc/consentry/ended.pem'] = pem(assertionKey('expired'));
    const [one] = read([entra({ client_secret_file: undefined, certificate_files: ['ended.pem'] })]);
    assert.equal(one?.credentialEndsAt?.getUTCFullYear(), 2021);
  });
});

describe('the database', () => {
  let world: ConnectionWorld;
  let clientId = '';
  before(async () => {
    world = await startConnectionWorld();
    clientId = (await registerClient(world.server.issuer)).client_id;
  });
  after(() => world?.close());
  beforeEach(async () => {
    world.reread();
    await sql(world.server, 'DELETE FROM identities');
    await sql(world.server, 'DELETE FROM connections');
  });

  const own = (more: object = {}) =>
    oidc({
      id: 'contoso',
      name: 'Contoso',
      issuer: world.upstream.issuer,
      client_id: world.upstream.record('x').settings.clientId,
      ...more,
    });
  const synchronise = (...entries: object[]) =>
    inRequest('system', () =>
      synchroniseConnections(
        world.server.rooms,
        read(entries, { IDP_SECRET: world.upstream.secrets.clientSecret ?? '' }),
      ),
    );
  const federated = () => ({ consentry: world.server, upstream: world.upstream, clock: { ahead: 0 } }) as Federated;

  test('follows: added, left alone, changed, each on record', async () => {
    assert.deepEqual((await synchronise(own())).added, ['contoso']);
    const [before] = await world.prisma.connection.findMany();
    assert.equal(before?.origin, 'configuration');
    assert.deepEqual(await synchronise(own()), { added: [], changed: [], removed: [] });
    assert.deepEqual((await synchronise(own({ exclusive: true }))).changed, ['contoso']);
    assert.deepEqual(Reflect.get(Object((await world.recorded('connection.updated')).at(-1)?.details), 'changed'), [
      'exclusive',
    ]);
    assert.equal((await world.recorded('connection.added')).at(-1)?.actor, 'system');
  });

  test('gone from the file is removed with what came by it, and the same provider may come back with its people', async () => {
    await synchronise(own());
    const { refreshToken } = await connectUpstream(federated(), createPerson(world.server.issuer), clientId);
    const [ana] = await sql(world.server, 'SELECT account_id FROM identities');
    assert.deepEqual((await synchronise()).removed, ['contoso']);
    assert.equal((await refresh(world.server, clientId, refreshToken)).body.error, 'invalid_grant');
    assert.deepEqual((await synchronise(own())).added, ['contoso']);
    world.reread();
    const page = await signInUpstream(federated(), createPerson(world.server.issuer), clientId);
    assert.ok(isConsentPage(page) || page.left, words(page));
    assert.deepEqual(await sql(world.server, 'SELECT account_id FROM identities'), [ana]);
  });

  test('takes nobody else under an id that was used: of another provider, or of the command line', async () => {
    await synchronise(own());
    await synchronise();
    const isConfigError = (error: unknown) => error instanceof ConfigError && /another/.test(error.message);
    await assert.rejects(() => synchronise(own({ issuer: 'https://evil.test' })), isConfigError);
    await world.addOidc('made-here', { name: 'Made here' });
    await assert.rejects(() => synchronise(own({ id: 'made-here' })), isConfigError);
    await assert.rejects(() => synchronise(own({ id: 'new', name: 'made HERE' })), isConfigError);
    const living = await world.prisma.connection.findMany({ where: { removedAt: null } });
    assert.deepEqual(
      living.map(({ id }) => id),
      ['made-here'],
    );
  });

  test('what the command line made stays, whatever the file says', async () => {
    await world.addOidc('made-here', { name: 'Made here' });
    await synchronise();
    assert.equal((await world.prisma.connection.findMany({ where: { removedAt: null } })).length, 1);
  });
});
