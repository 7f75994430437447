/** Page G for a signed-in person whose request goes no further: why, and what they can do. */
import { AppError } from '../errors.ts';
import type { StoppedModel } from '../web/pages.ts';
import type { ConsentDeps } from './consent-deps.ts';
import type { Scene } from './scene.ts';

/** @throws AppError for what the person cannot change by signing in as somebody else */
export function stop(scene: Scene, { respond, csrf }: Pick<ConsentDeps, 'respond' | 'csrf'>): void {
  const { ctx, interaction, answer, bound } = scene;
  const { differences } = answer;
  if (differences.some(({ kind }) => kind === 'blocked')) throw new AppError('blocked', 403, 'You blocked this app.');
  const why = insufficient(answer);
  if (!why) throw new AppError('policy_denied', 403, 'The rules of this server do not allow this app.');
  const switchAccount = { action: `/interaction/${interaction.uid}/switch-account`, csrf: csrf.token(bound) };
  respond.stopped(ctx, { ...why, switchAccount }, { status: 403, uiLocales: interaction.params.ui_locales });
}

/** Another account of the person's may do. */
function insufficient({ differences }: Scene['answer']): Pick<StoppedModel, 'code' | 'connections'> | undefined {
  const elsewhere = differences.find((one) => one.kind === 'sign_in_elsewhere');
  if (elsewhere) return { code: 'sign_in_elsewhere', connections: elsewhere.connections };
  return differences.some(({ kind }) => kind === 'role_denied') ? { code: 'role_denied' } : undefined;
}
