/** Queries on the rules of who may connect, and on whom they concern. */
import { AppError } from '../errors.ts';
import type { Prisma } from '../storage/generated/client.ts';
import type { Change } from './changes.ts';
import { createPolicyConsentStore, type PolicyConsentStoreDeps } from './consent-store.ts';
import { DEFAULT_RULE, type Rule, readRule, toMatchJson } from './rule.ts';

export type PolicyStore = ReturnType<typeof createPolicyStore>;

const DEFAULT_POSITION = 1_000_000;
/** Room for whoever puts one in between by hand. */
const STEP = 10;

export function createPolicyStore(deps: PolicyConsentStoreDeps) {
  const { database, now } = deps;
  return {
    ...createPolicyConsentStore(deps),
    /** In the order in which they are asked, the default rule last; rows that cannot be read are among them. */
    list(): Promise<Rule[]> {
      return list(database.current());
    },
    /**
     * Makes one change. Others wait until it is made and then see it; requests meanwhile are judged by the rules before.
     *
     * @throws what the change throws; then nothing is changed
     */
    async change(change: Change): Promise<{ before: Rule[]; after: Rule[] }> {
      return database.write(async (tx) => {
        await tx.$executeRaw`LOCK TABLE policy_rules IN SHARE ROW EXCLUSIVE MODE`;
        const before = await list(tx);
        const after = change(before);
        await write(tx, { before, after, now: now() });
        return { before, after };
      });
    },
  };
}

async function list(db: Prisma.TransactionClient): Promise<Rule[]> {
  const rows = await db.policyRule.findMany({ orderBy: [{ position: 'asc' }, { id: 'asc' }] });
  const rules = rows.map(readRule);
  const isDefault = ({ id }: Rule) => id === DEFAULT_RULE;
  return [...rules.filter((rule) => !isDefault(rule)), ...rules.filter(isDefault)];
}

/** What is in both lists, the very same object, keeps its row and at most its position changes. */
async function write(
  tx: Prisma.TransactionClient,
  { before, after, now }: { before: readonly Rule[]; after: readonly Rule[]; now: Date },
): Promise<void> {
  const gone = before.filter((rule) => !after.includes(rule)).map(({ id }) => id);
  await tx.policyRule.deleteMany({ where: { id: { in: gone } } });
  const added = after.filter((rule) => !before.includes(rule));
  // Far from every position in use, until all are given out below.
  const data = added.map((rule, index) => ({
    ...toRow(rule),
    position: -3 * DEFAULT_POSITION - index,
    createdAt: now,
  }));
  await tx.policyRule.createMany({ data });
  const ids = after.map(({ id }) => id).filter((id) => id !== DEFAULT_RULE);
  // In two steps, because no two may have the same position even in between.
  await tx.$executeRaw`
    UPDATE policy_rules SET position = -${2 * DEFAULT_POSITION}::int - place.ordinality
    FROM unnest(${ids}::text[]) WITH ORDINALITY AS place (id, ordinality) WHERE policy_rules.id = place.id`;
  await tx.$executeRaw`UPDATE policy_rules SET position = ${DEFAULT_POSITION}::int WHERE id = ${DEFAULT_RULE}`;
  await tx.$executeRaw`
    UPDATE policy_rules SET position = ${STEP}::int * place.ordinality
    FROM unnest(${ids}::text[]) WITH ORDINALITY AS place (id, ordinality) WHERE policy_rules.id = place.id`;
}

function toRow(rule: Rule) {
  switch (rule.kind) {
    case 'match':
      return { id: rule.id, effect: rule.effect, match: toMatchJson(rule.match), note: rule.note ?? null };
    case 'default':
      return { id: rule.id, effect: 'ask', match: { above: rule.peopleApprove }, note: null };
    case 'unreadable':
      throw new AppError('invalid_rule', 400, `The rule ${rule.id} cannot be read, so it cannot be written.`);
  }
}
