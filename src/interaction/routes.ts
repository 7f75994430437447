/** What a person sees while authorizing. */
import Router from '@koa/router';
import type { Context } from 'koa';
import { AppError } from '../errors.ts';
import { type Fields, readForm } from '../web/request-body.ts';
import { showConnect, submitConnect } from './connect.ts';
import { showConsent, submitConsent, switchAccount } from './consent.ts';
import type { ConsentDeps } from './consent-deps.ts';
import { type Interaction, loadInteraction } from './describe.ts';

export function interactionRoutes(deps: ConsentDeps): Router {
  const router = new Router({ prefix: '/interaction' });

  const load = (ctx: Context & { params: Record<string, string> }) =>
    loadInteraction(ctx, String(ctx.params.uid), deps);
  const isConnect = (interaction: Interaction) => interaction.prompt.name !== 'consent';

  router.get('/:uid', async (ctx) => {
    const interaction = await load(ctx);
    await (isConnect(interaction) ? showConnect(ctx, interaction, deps) : showConsent(ctx, interaction, deps));
  });
  router.post('/:uid', async (ctx) => {
    const fields = await readPost(ctx, deps);
    const interaction = await load(ctx);
    const submit = isConnect(interaction) ? submitConnect : submitConsent;
    await submit(ctx, interaction, fields, deps);
  });
  router.post('/:uid/switch-account', async (ctx) => {
    const fields = await readPost(ctx, deps);
    await switchAccount(ctx, await load(ctx), fields, deps);
  });
  return router;
}

async function readPost(ctx: Context, { csrf }: ConsentDeps): Promise<Fields> {
  if (!csrf.sameOrigin(ctx)) throw new AppError('forged', 403, 'The form was sent from another site.');
  const fields = await readForm(ctx);
  if (!fields) throw new AppError('invalid_request', 415, 'Send the form as it is.');
  return fields;
}
