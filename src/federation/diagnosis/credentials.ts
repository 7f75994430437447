/** Part of `connection test`: what we prove ourselves with, looked at without sending it. */
import { readFileSync } from 'node:fs';
import { decodeJwt, type JWTPayload } from 'jose';
import { certificateDates, thumbprints } from '../configuration/certificates.ts';
import { clouds } from '../entra/clouds.ts';
import { type DiagnosisDeps, failedStep, goodStep, type Patient, type Step } from './step.ts';

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;
const STEP = 'credential';

export function credentialSteps(patient: Patient, { now }: DiagnosisDeps): Step[] {
  const { settings, secrets, credentialEndsAt } = patient;
  switch (settings.authentication) {
    case 'federated_credential':
      return [federatedStep(settings.federatedTokenFile, clouds[settings.cloud].exchange, now())];
    case 'certificate':
    case 'private_key_jwt':
      return keySteps(secrets.certificates, now());
    default:
      return [secretStep(secrets.clientSecret, credentialEndsAt, now())];
  }
}

function secretStep(secret: string | undefined, endsAt: Date | undefined, now: Date): Step {
  if (secret === undefined) return failedStep(STEP, 'found.secret_missing', 'todo.give_secret');
  if (endsAt) return ending('secret', endsAt, now);
  return { step: STEP, result: 'warning', code: 'found.secret_endless', todo: 'todo.say_secret_end', params: {} };
}

function keySteps(keys: Patient['secrets']['certificates'], now: Date): Step[] {
  if (keys.length === 0) return [failedStep(STEP, 'found.key_missing', 'todo.give_certificate')];
  return keys.map(({ certificate }) => {
    if (certificate === '') return goodStep(STEP, 'found.key_endless');
    const { startsAt, endsAt } = certificateDates(certificate);
    const thumbprint = thumbprints(certificate).sha1;
    if (startsAt <= now) return ending('certificate', endsAt, now, { thumbprint });
    return failedStep(STEP, 'found.certificate_early', 'todo.wait', { thumbprint, day: day(startsAt) });
  });
}

function ending(what: 'secret' | 'certificate', endsAt: Date, now: Date, more: Step['params'] = {}): Step {
  const days = Math.floor((endsAt.getTime() - now.getTime()) / DAY_MS);
  const params = { ...more, day: day(endsAt) };
  if (endsAt <= now) return failedStep(STEP, `found.${what}_ended`, `todo.new_${what}`, params);
  if (days >= SOON_DAYS) return goodStep(STEP, `found.${what}_good`, params);
  return { step: STEP, result: 'warning', code: `found.${what}_ending`, todo: `todo.new_${what}`, params };
}

/** Entra says of a mistake here only that nothing matches, so issuer and subject are shown for comparing. */
function federatedStep(path: string | undefined, audience: string, now: Date): Step {
  if (!path) return failedStep(STEP, 'found.token_file_unnamed', 'todo.name_token_file');
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch {
    return failedStep(STEP, 'found.token_file_unreadable', 'todo.mount_token_file', { path });
  }
  try {
    return judgeToken(decodeJwt(text), { path, audience, now });
  } catch {
    return failedStep(STEP, 'found.token_unreadable', 'todo.token_platform', { path });
  }
}

function judgeToken(
  { iss, sub, aud, exp }: JWTPayload,
  { path, audience, now }: { path: string; audience: string; now: Date },
): Step {
  const audiences = [aud].flat();
  if (!audiences.includes(audience)) {
    const params = { path, audiences: audiences.join(', '), audience };
    return failedStep(STEP, 'found.token_elsewhere', 'todo.token_audience', params);
  }
  if (exp !== undefined && exp * 1000 <= now.getTime())
    return failedStep(STEP, 'found.token_ended', 'todo.token_renewal', { path, day: day(new Date(exp * 1000)) });
  return goodStep(STEP, 'found.federated_good', { issuer: String(iss), subject: String(sub) });
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
