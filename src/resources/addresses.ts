/** Which addresses somebody may register: none that another's server has, and none above or below it on the same host (threat 106). */
import { AppError } from '../errors.ts';

/** A registered server's canonical URI and who looks after it. */
export interface TakenAddress {
  uri: string;
  ownerIds: readonly string[];
}

/** `same` is this very one; `around` are servers above or below it on its host. */
export interface Neighbours {
  same: boolean;
  around: readonly TakenAddress[];
}

export function neighboursOf(uri: string, taken: readonly TakenAddress[]): Neighbours {
  const around = taken.filter((one) => one.uri !== uri && overlap(uri, one.uri));
  return { same: taken.some((one) => one.uri === uri), around };
}

/**
 * @param accountId who registers it and looks after it from then on
 * @throws AppError 403 `address_taken`, whoever has it
 */
export function assertFreeFor(accountId: string, uri: string, taken: readonly TakenAddress[]): void {
  const others = taken.filter(({ ownerIds }) => !ownerIds.includes(accountId));
  if (!others.some((one) => overlap(uri, one.uri))) return;
  const message =
    'This address, or one above or below it, belongs to a server that somebody else looks after. Ask an administrator to register yours.';
  throw new AppError('address_taken', 403, message);
}

/** Equal, or one begins the other, segment by segment: `/mcp` and `/mcp/two`, never `/mcp` and `/mcp2`. */
function overlap(one: string, other: string): boolean {
  const [first, second] = [new URL(one), new URL(other)];
  if (first.host !== second.host) return false;
  const [short, long] = [segmentsOf(first), segmentsOf(second)].sort((a, b) => a.length - b.length);
  return (short ?? []).every((segment, index) => segment === long?.[index]);
}

/** As any server may read a path: decoded, without case, empty segments and matrix parameters. Too much alike is refused. */
function segmentsOf({ pathname }: URL): string[] {
  return decoded(pathname)
    .split(/[/\\]/)
    .map((segment) => segment.replace(/;.*$/s, '').normalize('NFKC').toLowerCase())
    .filter((segment) => segment !== '' && segment !== '.');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
