/** What a SCIM request did wrong, as the client reads it (RFC 7644 §3.12). */
import { AppError } from '../errors.ts';

export type ScimType =
  | 'invalidFilter'
  | 'tooMany'
  | 'uniqueness'
  | 'mutability'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue';

export class ScimFault extends AppError {
  readonly scimType: ScimType | undefined;
  /** What was recorded of the refusal stays; the unit had written nothing else. */
  readonly keep: boolean;

  /** @param detail public: what an administrator of the directory reads in its provisioning log */
  constructor(status: number, scimType: ScimType | undefined, detail: string, { keep = false } = {}) {
    super(scimType ?? 'scim_refused', status, detail);
    this.name = 'ScimFault';
    this.scimType = scimType;
    this.keep = keep;
  }
}

export const invalidValue = (detail: string) => new ScimFault(400, 'invalidValue', detail);
export const invalidPath = (detail: string) => new ScimFault(400, 'invalidPath', detail);
export const invalidFilter = (detail: string) => new ScimFault(400, 'invalidFilter', detail);
export const tooLarge = (detail: string) => new ScimFault(413, 'tooMany', detail);
export const notFound = () => new ScimFault(404, undefined, 'There is no such resource.');

const ERROR_SCHEMA = 'urn:ietf:params:scim:api:messages:2.0:Error';

/** @param status a number; in the body it is a string */
export function errorBody(status: number, detail: string, scimType?: ScimType) {
  return { schemas: [ERROR_SCHEMA], status: String(status), ...(scimType ? { scimType } : {}), detail };
}
