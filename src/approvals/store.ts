/** Queries on requests to an administrator, and on who may decide them. */
import { randomBytes } from 'node:crypto';
import type { StatedParties } from '../consents/consent.ts';
import { AppError } from '../errors.ts';
import { Prisma } from '../storage/generated/client.ts';
import type { Database } from '../storage/transactions.ts';
import type {
  ApprovalRequest,
  ApprovalState,
  ApprovalTerms,
  Approver,
  Audience,
  FirstApproval,
  Said,
} from './request.ts';

export type ApprovalStore = ReturnType<typeof createApprovalStore>;

type Opened = { request: ApprovalRequest; created: boolean; expired?: ApprovalRequest | undefined } | undefined;

/** A request with what its parties are called. */
export interface ApprovalEntry extends ApprovalRequest {
  email: string;
  resourceName: string;
  resourceUri: string;
}

export interface NewRequest extends ApprovalTerms {
  openKey: string;
  reason: string | undefined;
  browserId: string;
  createdAt: Date;
}

/** What a rule changes of a request. Whatever is no longer pending is no longer open. */
export interface Change extends Partial<Said> {
  state?: Exclude<ApprovalState, 'pending'>;
  audience?: Audience | null;
  decidedAt?: Date;
  decidedBy?: string | null;
  note?: string | null;
  expiresAt?: Date | null;
  firstApproval?: FirstApproval | null;
}

/** A request that nobody else changes before the transaction ends, and who may decide it. */
export interface Held {
  request: ApprovalRequest;
  approvers: readonly Approver[];
}

export interface ApprovalStoreDeps {
  database: Database;
  /** Who may decide at each of these MCP servers, held still until the transaction ends. */
  holdApprovers: (
    tx: Prisma.TransactionClient,
    resourceIds: readonly string[],
  ) => Promise<ReadonlyMap<string, readonly Approver[]>>;
}

const LIST_LIMIT = 500;

export function createApprovalStore({ database, holdApprovers }: ApprovalStoreDeps) {
  async function changeAll<Wanted extends { id: string }, T extends { change?: Change }>(
    wanted: readonly Wanted[],
    rule: (held: readonly (Held & { wanted: Wanted })[]) => readonly T[],
  ): Promise<(T & { request: ApprovalRequest })[]> {
    return database.write(async (tx) => {
      const held = await hold(tx, wanted, holdApprovers);
      const changed: (T & { request: ApprovalRequest })[] = [];
      for (const [index, result] of rule(held).entries()) {
        const { request } = held[index] ?? {};
        if (!request) throw unknown();
        const { change } = result;
        const where = { id: request.id };
        const row = change && (await tx.approvalRequest.update({ where, data: toData(change) }));
        changed.push({ ...result, request: row ? toRequest(row) : request });
      }
      return changed;
    });
  }

  return {
    async findById(id: string): Promise<ApprovalRequest | undefined> {
      const row = isId(id) ? await database.current().approvalRequest.findUnique({ where: { id } }) : null;
      return row ? toRequest(row) : undefined;
    },
    async findOpen(openKey: string): Promise<ApprovalRequest | undefined> {
      const row = await database.current().approvalRequest.findUnique({ where: { openKey } });
      return row ? toRequest(row) : undefined;
    },
    /** Approvals for everyone or for this person that have not run out. */
    async listLiving(of: { clientId: string; resourceId: string; accountId: string; at: Date }) {
      const { accountId, at, ...parties } = of;
      const rows = await database.current().approvalRequest.findMany({
        where: {
          ...parties,
          state: 'approved',
          expiresAt: { gt: at },
          OR: [{ audience: 'everyone' }, { audience: 'person', accountId }],
        },
      });
      return rows.map(toRequest);
    },
    /** Of one person, the newest first. */
    async listOf(accountId: string, limit: number): Promise<ApprovalEntry[]> {
      const db = database.current();
      const orderBy = [{ createdAt: 'desc' as const }, { id: 'desc' as const }];
      return nameParties(db, await db.approvalRequest.findMany({ where: { accountId }, orderBy, take: limit }));
    },
    /** What waits, oldest first; anything else newest first. 500 at most. */
    async list(state: ApprovalState | undefined): Promise<ApprovalEntry[]> {
      const db = database.current();
      const rows = await db.approvalRequest.findMany({
        ...(state ? { where: { state } } : {}),
        orderBy: [{ createdAt: state === 'pending' ? 'asc' : 'desc' }, { id: 'asc' }],
        take: LIST_LIMIT,
      });
      return nameParties(db, rows);
    },
    /**
     * Opens a request, or finds the open one of the same key. Safe against any number at once. One of before
     * `openSince` is over: it ends here, and comes back as `expired`.
     *
     * @returns undefined where the account has `maxOpen` open requests already
     */
    async open(request: NewRequest, { maxOpen, openSince }: { maxOpen: number; openSince: Date }): Promise<Opened> {
      const { accountId, openKey, createdAt } = request;
      return database.write(async (tx) => {
        // One request of a person after the other: who waits here finds what the one before has made.
        await tx.$queryRaw`SELECT id FROM accounts WHERE id = ${accountId} FOR NO KEY UPDATE`;
        const open = await tx.approvalRequest.findUnique({ where: { openKey } });
        if (open && open.createdAt > openSince) return { request: toRequest(open), created: false };
        const expired = open ? toRequest(await expireOne(tx, open.id, createdAt)) : undefined;
        const where = { accountId, state: 'pending', createdAt: { gt: openSince } };
        if ((await tx.approvalRequest.count({ where })) >= maxOpen) return undefined;
        const made = await tx.approvalRequest.create({ data: toRow(request) });
        return { request: toRequest(made), created: true, expired };
      });
    },
    /**
     * Holds a request and the approvers still while `rule` looks at them, then writes what it says. Of several at once
     * each sees what the one before has made of it.
     *
     * @throws AppError 404 `unknown_approval`, and whatever `rule` throws; nothing is written then
     */
    async change<T extends { change?: Change }>(
      id: string,
      rule: (request: ApprovalRequest, approvers: readonly Approver[]) => T,
    ): Promise<T & { request: ApprovalRequest }> {
      const [changed] = await changeAll([{ id }], ([held]) => (held ? [rule(held.request, held.approvers)] : []));
      if (!changed) throw unknown();
      return changed;
    },
    /** The same for several at once, in the order in which they are named. */
    changeAll,
    /** The longest waiting of those from before `openSince` end. Leaves alone what somebody decides at this moment. */
    async expire({ openSince, at, limit }: { openSince: Date; at: Date; limit: number }): Promise<ApprovalRequest[]> {
      return database.write(async (tx) => {
        const due = await tx.$queryRaw<{ id: string }[]>`
          SELECT id FROM approval_requests WHERE state = 'pending' AND created_at <= ${openSince}
          ORDER BY created_at, id LIMIT ${limit} FOR UPDATE SKIP LOCKED`;
        const rows: ApprovalRequest[] = [];
        for (const { id } of due) rows.push(toRequest(await expireOne(tx, id, at)));
        return rows;
      });
    },
    /** The last of this person's that nobody decided in time, for the same client at the same MCP server. */
    async findExpired(of: Pick<ApprovalTerms, 'accountId' | 'clientId' | 'downstream' | 'resourceId'>, since: Date) {
      const { downstream, ...same } = of;
      const row = await database.current().approvalRequest.findFirst({
        where: { ...same, downstreamClientId: downstream?.clientId ?? null, createdAt: { gt: since } },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      });
      return row?.state === 'expired' ? toRequest(row) : undefined;
    },
    /** The last of this person's that was about all of these scopes, for the same client at the same MCP server. */
    async findLast(of: Pick<ApprovalTerms, 'accountId' | 'clientId' | 'downstream' | 'resourceId' | 'scopes'>) {
      const { downstream, scopes, ...same } = of;
      const row = await database.current().approvalRequest.findFirst({
        where: { ...same, downstreamClientId: downstream?.clientId ?? null, scopes: { hasEvery: [...scopes] } },
        orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
      });
      return row ? toRequest(row) : undefined;
    },
  };
}

/** In one order for everybody, so that no two wait for each other. */
async function hold<Wanted extends { id: string }>(
  tx: Prisma.TransactionClient,
  wanted: readonly Wanted[],
  holdApprovers: ApprovalStoreDeps['holdApprovers'],
): Promise<(Held & { wanted: Wanted })[]> {
  const ids = wanted.map(({ id }) => id).filter(isId);
  const known = await tx.approvalRequest.findMany({ where: { id: { in: ids } }, select: { resourceId: true } });
  const approvers = await holdApprovers(tx, [...new Set(known.map(({ resourceId }) => resourceId))]);
  await tx.$queryRaw`SELECT id FROM approval_requests WHERE id = ANY(${ids}) ORDER BY id FOR UPDATE`;
  const rows = await tx.approvalRequest.findMany({ where: { id: { in: ids } } });
  return wanted.map((one) => {
    const row = rows.find(({ id }) => id === one.id);
    if (!row) throw unknown();
    return { wanted: one, request: toRequest(row), approvers: approvers.get(row.resourceId) ?? [] };
  });
}

function expireOne(tx: Prisma.TransactionClient, id: string, at: Date): Promise<Row> {
  return tx.approvalRequest.update({ where: { id }, data: { state: 'expired', openKey: null, decidedAt: at } });
}

function unknown(): AppError {
  return new AppError('unknown_approval', 404, 'There is no such request.');
}

/** Hexadecimal, so that no command line takes one for an option. */
const newId = () => randomBytes(16).toString('hex');
const isId = (id: string) => /^[\da-f]{32}$/.test(id);

function toRow({ downstream, ...request }: NewRequest): Prisma.ApprovalRequestUncheckedCreateInput {
  return {
    ...request,
    id: newId(),
    downstreamClientId: downstream?.clientId ?? null,
    downstreamRedirectUri: downstream?.redirectUri ?? null,
    scopes: [...request.scopes],
    stated: request.stated as unknown as Prisma.InputJsonObject,
    scopeDigests: { ...request.scopeDigests },
    reason: request.reason ?? null,
  };
}

function toData({ firstApproval, ...change }: Change): Prisma.ApprovalRequestUpdateInput {
  return {
    ...change,
    ...(firstApproval === undefined ? {} : { firstApproval: firstApproval ?? Prisma.DbNull }),
    ...(change.state ? { openKey: null } : {}),
  } as unknown as Prisma.ApprovalRequestUpdateInput;
}

type Row = Prisma.ApprovalRequestGetPayload<object>;

function toRequest(row: Row): ApprovalRequest {
  const { downstreamClientId, downstreamRedirectUri } = row;
  return {
    id: row.id,
    accountId: row.accountId,
    clientId: row.clientId,
    downstream:
      downstreamClientId === null || downstreamRedirectUri === null
        ? undefined
        : { clientId: downstreamClientId, redirectUri: downstreamRedirectUri },
    redirectUri: row.redirectUri,
    resourceId: row.resourceId,
    scopes: row.scopes,
    clientFingerprint: row.clientFingerprint,
    stated: row.stated as unknown as StatedParties,
    scopeDigests: row.scopeDigests as Record<string, string>,
    reason: row.reason ?? undefined,
    browserId: row.browserId,
    state: row.state as ApprovalState,
    audience: (row.audience as Audience | null) ?? undefined,
    createdAt: row.createdAt,
    decidedAt: row.decidedAt ?? undefined,
    decidedBy: row.decidedBy ?? undefined,
    note: row.note ?? undefined,
    expiresAt: row.expiresAt ?? undefined,
    firstApproval: toFirst(row.firstApproval),
  };
}

function toFirst(json: Prisma.JsonValue): FirstApproval | undefined {
  if (json === null) return undefined;
  const { at, ...first } = json as unknown as Omit<FirstApproval, 'at'> & { at: string };
  return { ...first, at: new Date(at) };
}

/** One query after the other, where an `include` asks all at once: a transaction has only one connection. */
async function nameParties(db: Prisma.TransactionClient, rows: Row[]): Promise<ApprovalEntry[]> {
  const among = (key: 'accountId' | 'resourceId') => ({ id: { in: [...new Set(rows.map((row) => row[key]))] } });
  const accounts = await db.account.findMany({ where: among('accountId'), select: { id: true, email: true } });
  const resources = await db.resource.findMany({
    where: among('resourceId'),
    select: { id: true, name: true, uri: true },
  });
  const emails = new Map(accounts.map(({ id, email }) => [id, email]));
  const servers = new Map(resources.map((resource) => [resource.id, resource]));
  return rows.map((row) => ({
    ...toRequest(row),
    email: emails.get(row.accountId) ?? '',
    resourceName: servers.get(row.resourceId)?.name ?? '',
    resourceUri: servers.get(row.resourceId)?.uri ?? '',
  }));
}
