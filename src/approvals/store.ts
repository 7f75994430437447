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

export interface ApprovalStoreDeps {
  database: Database;
  /** Who may decide at an MCP server, held still until the transaction ends. */
  holdApprovers: (tx: Prisma.TransactionClient, resourceId: string) => Promise<readonly Approver[]>;
}

const LIST_LIMIT = 500;

export function createApprovalStore({ database, holdApprovers }: ApprovalStoreDeps) {
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
     * Opens a request, or finds the open one of the same key. Safe against any number at once.
     * @returns undefined where the account has `maxOpen` open requests already
     */
    async open(request: NewRequest, maxOpen: number) {
      const { accountId, openKey } = request;
      return database.write(async (tx) => {
        // One request of a person after the other: who waits here finds what the one before has made.
        await tx.$queryRaw`SELECT id FROM accounts WHERE id = ${accountId} FOR NO KEY UPDATE`;
        const open = await tx.approvalRequest.findUnique({ where: { openKey } });
        if (open) return { request: toRequest(open), created: false };
        if ((await tx.approvalRequest.count({ where: { accountId, state: 'pending' } })) >= maxOpen) return undefined;
        return { request: toRequest(await tx.approvalRequest.create({ data: toRow(request) })), created: true };
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
      return database.write(async (tx) => {
        const known = isId(id) ? await tx.approvalRequest.findUnique({ where: { id } }) : null;
        const approvers = known ? await holdApprovers(tx, known.resourceId) : [];
        if (known) await tx.$queryRaw`SELECT id FROM approval_requests WHERE id = ${id} FOR UPDATE`;
        const row = known && (await tx.approvalRequest.findUnique({ where: { id } }));
        if (!row) throw new AppError('unknown_approval', 404, 'There is no such request.');
        const result = rule(toRequest(row), approvers);
        const { change } = result;
        if (!change) return { ...result, request: toRequest(row) };
        const data = toData(change);
        return { ...result, request: toRequest(await tx.approvalRequest.update({ where: { id }, data })) };
      });
    },
  };
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
