/** What owners are told of before people notice: credentials that end or are refused, a directory that fell silent. */
import { events } from '../audit/events.ts';
import type { Audit } from '../audit/store.ts';
import type { Database } from '../storage/transactions.ts';
import type { ConnectionRecord, ConnectionStore } from './connection-store.ts';
import { MISCONFIGURED } from './outcomes.ts';

export type AlarmCode =
  | 'credential_ends'
  | 'credential_ended'
  | 'misconfigured'
  | 'scim_silent'
  | 'scim_person_changed'
  | 'unusable';

export interface Alarm {
  code: AlarmCode;
  connectionId: string;
  connectionName: string;
  /** When the credential ends or ended, or the directory was heard of last. */
  at?: Date | undefined;
  /** The provider's own words, or ours; a stranger's text. */
  detail?: string | undefined;
}

export interface AlarmsDeps {
  store: Pick<ConnectionStore, 'survey' | 'listScimTimes' | 'raiseAlarm'>;
  database: Pick<Database, 'unit'>;
  audit: Pick<Audit, 'record'>;
  notices: { connectionAlarm(alarm: Alarm): Promise<void> };
  now: () => Date;
}

interface Raised extends Alarm {
  /** Under which it is remembered that owners were told. */
  slot: string;
  everyHours: number;
}

const DAY_MS = 86_400_000;
const DAILY = 24;
/** By when the credential ends; the first is no news every day. */
const STAGES = [
  { days: 1, slot: 'credential_1_day', everyHours: DAILY },
  { days: 7, slot: 'credential_7_days', everyHours: DAILY },
  { days: 30, slot: 'credential_30_days', everyHours: 7 * DAILY },
] as const;
/** Entra speaks every 40 minutes, and once a day where it is in quarantine. */
const SCIM_SILENCE_MS = DAY_MS;

export function createAlarms({ store, database, audit, notices, now }: AlarmsDeps) {
  async function raise({ slot, everyHours, ...alarm }: Raised): Promise<void> {
    const { connectionId, connectionName, code, at } = alarm;
    await database.unit(async () => {
      if (!(await store.raiseAlarm(connectionId, slot, everyHours))) return;
      await notices.connectionAlarm(alarm);
      const details = { connection: connectionId, name: connectionName, ...(at ? { at: at.toISOString() } : {}) };
      await audit.record(events.connectionAlarm({}, details, code));
    });
  }

  return {
    /** Looks once. Several processes may: each alarm is told once in its time. */
    async run(): Promise<void> {
      const { records, broken } = await store.survey();
      const scimTimes = await store.listScimTimes();
      const raised = [
        ...records.flatMap((record) => alarmsOf(record, scimTimes.get(record.id), now())),
        ...broken.map(
          ({ id, name, why }): Raised => ({
            code: 'unusable',
            connectionId: id,
            connectionName: name,
            detail: why,
            slot: 'unusable',
            everyHours: DAILY,
          }),
        ),
      ];
      for (const alarm of raised) await raise(alarm);
    },
  };
}

function alarmsOf(record: ConnectionRecord, heardOf: Date | undefined, now: Date): Raised[] {
  const whose = { connectionId: record.id, connectionName: record.name };
  const found = [endOf(record, now), refusalOf(record)];
  if (heardOf && now.getTime() - heardOf.getTime() > SCIM_SILENCE_MS)
    found.push({ code: 'scim_silent', at: heardOf, slot: 'scim_silent', everyHours: DAILY });
  return found.flatMap((one) => (one ? [{ ...whose, ...one }] : []));
}

type Found = Omit<Raised, 'connectionId' | 'connectionName'>;

function endOf({ credentialEndsAt: at }: ConnectionRecord, now: Date): Found | undefined {
  if (!at) return undefined;
  const left = at.getTime() - now.getTime();
  if (left <= 0) return { code: 'credential_ended', at, slot: 'credential_ended', everyHours: DAILY };
  const stage = STAGES.find(({ days }) => left <= days * DAY_MS);
  return stage && { code: 'credential_ends', at, slot: stage.slot, everyHours: stage.everyHours };
}

/** Of several processes one met it, and wrote it down. */
function refusalOf({ lastFailureAt, lastSuccessAt, lastFailure = '' }: ConnectionRecord): Found | undefined {
  if (!lastFailureAt || !lastFailure.startsWith(MISCONFIGURED)) return undefined;
  if (lastSuccessAt && lastSuccessAt >= lastFailureAt) return undefined;
  return { code: 'misconfigured', detail: lastFailure, slot: 'misconfigured', everyHours: DAILY };
}
