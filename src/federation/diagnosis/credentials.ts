/** Part of `connection test`: what we prove ourselves with, looked at without sending it. */
import { readFileSync } from 'node:fs';
import { decodeJwt } from 'jose';
import { certificateDates, thumbprints } from '../configuration/certificates.ts';
import { clouds } from '../entra/clouds.ts';
import type { DiagnosisDeps, Patient, Step } from './step.ts';

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
  if (secret === undefined)
    return failed('no client secret is stored', 'connection update <id> --client-secret-file …');
  if (!endsAt) {
    const todo = 'So that you are warned in time: connection update <id> --secret-expires 2027-05-01';
    return { step: STEP, result: 'warning', what: 'a client secret; nobody has said when it ends', todo };
  }
  return ending(
    'the client secret',
    endsAt,
    now,
    'Make a new one there, then: connection update <id> --client-secret-file …',
  );
}

function keySteps(keys: Patient['secrets']['certificates'], now: Date): Step[] {
  if (keys.length === 0) return [failed('no key is stored', 'connection update <id> --certificate …')];
  return keys.map(({ certificate }) => {
    if (certificate === '') return { step: STEP, result: 'ok', what: 'a private key, which has no end' };
    const { startsAt, endsAt } = certificateDates(certificate);
    const what = `the certificate ${thumbprints(certificate).sha1}`;
    if (startsAt > now)
      return failed(`${what} is not valid before ${day(startsAt)}`, 'Wait, or check the clock of this machine.');
    return ending(what, endsAt, now, 'Make a new one, upload it there, then: connection update <id> --certificate …');
  });
}

function ending(what: string, endsAt: Date, now: Date, todo: string): Step {
  const days = Math.floor((endsAt.getTime() - now.getTime()) / DAY_MS);
  if (endsAt <= now) return failed(`${what} ended on ${day(endsAt)}`, todo);
  if (days < SOON_DAYS) return { step: STEP, result: 'warning', what: `${what} ends on ${day(endsAt)}`, todo };
  return { step: STEP, result: 'ok', what: `${what} is good until ${day(endsAt)}` };
}

/** Entra says of a mistake here only that nothing matches, so issuer and subject are shown for comparing. */
function federatedStep(path: string | undefined, audience: string, now: Date): Step {
  if (!path) return failed('no token file is named', 'connection update <id> --federated-credential FILE');
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch {
    return failed(
      `${path} cannot be read`,
      'It is made by the platform that runs Consentry; see that it is mounted here.',
    );
  }
  try {
    const { iss, sub, aud, exp } = decodeJwt(text);
    if (![aud].flat().includes(audience))
      return failed(
        `the token in ${path} is for ${[aud].flat().join(', ')}, not ${audience}`,
        'Have it made for that audience.',
      );
    if (exp !== undefined && exp * 1000 <= now.getTime())
      return failed(`the token in ${path} ended on ${day(new Date(exp * 1000))}`, 'See why it is not renewed.');
    return {
      step: STEP,
      result: 'ok',
      what: `a federated credential: issuer ${iss}, subject ${sub}, both to be so in Entra`,
    };
  } catch {
    return failed(`${path} holds no token (JWT)`, 'It is made by the platform that runs Consentry.');
  }
}

function failed(what: string, todo: string): Step {
  return { step: STEP, result: 'failed', what, todo };
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
