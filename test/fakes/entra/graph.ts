/** The little of Microsoft Graph that is needed: the transitive memberships of who holds the token. */
import type { Context } from 'koa';
import type { FakeState } from './state.ts';

const MAX_PAGE = 1_000;

export function graph(ctx: Context, host: string, { behaviour, accessTokens, directory }: FakeState): void {
  const { status, pageSize = MAX_PAGE, alter = (page) => page } = behaviour.graph;
  if (status !== undefined) {
    if (status === 429) ctx.set('retry-after', '20');
    refuse(ctx, status, 'Scripted');
    return;
  }
  const grant = accessTokens.get(ctx.get('authorization').replace(/^Bearer /, ''));
  if (!grant) {
    refuse(ctx, 401, 'InvalidAuthenticationToken');
    return;
  }
  const { app, person, scope } = grant;
  const granted = scope.split(' ').includes(`https://${host}/User.Read`) && app.permissions.has('User.Read');
  if (!granted) {
    refuse(ctx, 403, 'Authorization_RequestDenied');
    return;
  }
  const from = Number(ctx.query.$skiptoken ?? 0);
  const groups = directory.people.find(({ oid }) => oid === person.oid)?.groups ?? [];
  const next =
    from + pageSize < groups.length
      ? { '@odata.nextLink': `https://${host}${ctx.path}?$skiptoken=${from + pageSize}` }
      : {};
  ctx.body = alter({
    '@odata.context': `https://${host}/v1.0/$metadata#Collection(Edm.String)`,
    value: groups.slice(from, from + pageSize),
    ...next,
  });
}

function refuse(ctx: Context, status: number, code: string): void {
  ctx.status = status;
  ctx.body = { error: { code, message: 'Scripted by the fake.', innerError: {} } };
}
