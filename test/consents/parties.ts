/** One client of every kind there is. */
import { basic, registerClient } from '../flow.ts';
import { type Consentry, sql, staticClient } from '../harness.ts';

export interface Party {
  kind: string;
  clientId: string;
  headers: Record<string, string>;
  redirectUri: string;
  mayAuthorize: boolean;
  mayRefresh: boolean;
}

export async function makeParties(consentry: Consentry, documentId: string): Promise<Party[]> {
  const redirectUri = 'http://127.0.0.1/callback';
  const common = { redirectUri, headers: {}, mayAuthorize: true, mayRefresh: true };
  const open = await registerClient(consentry.issuer);
  const confidential = await registerClient(consentry.issuer, { token_endpoint_auth_method: 'client_secret_basic' });
  const made: Party[] = [
    { ...common, kind: 'dynamic public', clientId: open.client_id },
    {
      ...common,
      kind: 'dynamic confidential',
      clientId: confidential.client_id,
      headers: basic(confidential.client_id, confidential.client_secret),
    },
    { ...common, kind: 'document', clientId: documentId },
  ];
  for (const kind of ['app', 'proxy', 'service'] as const) {
    const { clientId, clientSecret } = await staticClient(consentry.rooms, {
      kind,
      name: `Static ${kind}`,
      redirectUris: kind === 'service' ? [] : [redirectUri],
      access: { [consentry.mail.uri]: ['mail:read'] },
    });
    made.push({
      ...common,
      kind: `static ${kind}`,
      clientId,
      headers: basic(clientId, clientSecret),
      mayAuthorize: kind !== 'service',
      mayRefresh: kind === 'app',
    });
  }
  const undeclared = await staticClient(consentry.rooms, { kind: 'app', name: 'Static undeclared' });
  await sql(consentry, "UPDATE clients SET kind = 'undeclared' WHERE id = $1", [undeclared.clientId]);
  made.push({
    ...common,
    kind: 'static undeclared',
    clientId: undeclared.clientId,
    headers: basic(undeclared.clientId, undeclared.clientSecret),
    mayRefresh: false,
  });
  return made;
}
