/** Certificates that follow each other: the newest first, the one before it good until it is taken away. */
import { AppError } from '../../errors.ts';
import type { ConnectionSecrets } from '../settings.ts';
import { lastEnd } from './certificates.ts';
import type { Credentials } from './provider-credentials.ts';

/**
 * One certificate: the one there was stays good beside it, and given again it takes nothing away.
 * @throws AppError 400 `bad_connection` where one of two would go unsaid
 */
export function besideTheOld(read: Credentials, before: ConnectionSecrets): Credentials {
  const [newest, second] = read.secrets.certificates;
  if (second || !newest) return read;
  const others = before.certificates.filter(({ certificate }) => certificate !== newest.certificate);
  if (others.length > 1) {
    const message =
      'There are two certificates already, and two at most: retire one first (--retire-certificate), or give both that shall be there.';
    throw new AppError('two_certificates', 400, message);
  }
  const isFirst = before.certificates[0]?.certificate === newest.certificate;
  const certificates = isFirst ? before.certificates : [newest, ...others];
  return { ...read, secrets: { certificates }, credentialEndsAt: lastEnd(certificates) };
}

/** @throws AppError 400 `one_certificate` */
export function onlyTheNewest(before: ConnectionSecrets, kept: Pick<Credentials, 'authentication'>): Credentials {
  const [newest, ...old] = before.certificates;
  if (!newest || old.length === 0)
    throw new AppError('one_certificate', 400, 'There is only one certificate, or none.');
  return { ...kept, secrets: { certificates: [newest] }, credentialEndsAt: lastEnd([newest]) };
}
