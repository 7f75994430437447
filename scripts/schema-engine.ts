/** Prisma's real schema engine (its WebAssembly build) in this process: it writes migrations and proves that nothing drifted. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
  type SqlQuery,
} from '@prisma/driver-adapter-utils';
import type { DiffTarget, MigrationList, SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';

/** Node has it; neither the es2024 library nor @types/node declares it. */
declare const WebAssembly: {
  compile(bytes: Uint8Array): Promise<object>;
  instantiate(module: object, imports: Record<string, object>): Promise<{ exports: Record<string, unknown> }>;
};

/** Postgres's internal one-byte type of its catalogs, which the adapter does not know. */
const CATALOG_CHAR_OID = 18;
const TEXT_OID = 25;
/** Once per process: the JavaScript binding keeps one instance, and a second would receive the first one's pointers. */
let engineModule: ReturnType<typeof loadEngine> | undefined;
const NO_FILTERS = { externalTables: [], externalEnums: [] };
const PRISMA_DIRECTORY = fileURLToPath(new URL('../prisma', import.meta.url));

/**
 * The SQL that turns the database (or, without one, nothing) into prisma/schema.prisma; empty when it already is that.
 * Partitioned tables, triggers and CHECK constraints are beyond what Prisma compares.
 */
export async function diffToSchema(connection: pg.PoolConfig, from: 'empty' | 'database'): Promise<string> {
  const files = [await readSchema()];
  return withEngine(connection, files[0], async (engine) => {
    const source: DiffTarget =
      from === 'empty' ? { tag: 'empty' } : { tag: 'schemaDatasource', files, configDir: PRISMA_DIRECTORY };
    const { stdout } = await engine.diff({
      from: source,
      to: { tag: 'schemaDatamodel', files },
      script: true,
      exitCode: null,
      filters: NO_FILTERS,
    });
    const sql = stdout?.trim() ?? '';
    return /^-- This is an empty migration\.$/.test(sql) ? '' : sql;
  });
}

/** What the stock `prisma migrate deploy` would say of the database and these migrations. */
export async function diagnose(connection: pg.PoolConfig, migrations: { name: string; sql: string }[]) {
  const migrationsList: MigrationList = {
    baseDir: `${PRISMA_DIRECTORY}/migrations`,
    lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
    shadowDbInitScript: '',
    migrationDirectories: migrations.map(({ name, sql }) => ({
      path: name,
      migrationFile: { path: 'migration.sql', content: { tag: 'ok', value: sql } },
    })),
  };
  return withEngine(connection, await readSchema(), (engine) =>
    engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters: NO_FILTERS }),
  );
}

interface SchemaFile {
  path: string;
  content: string;
}

async function readSchema(): Promise<SchemaFile> {
  const path = `${PRISMA_DIRECTORY}/schema.prisma`;
  return { path, content: await readFile(path, 'utf8') };
}

async function withEngine<T>(
  connection: pg.PoolConfig,
  schema: SchemaFile | undefined,
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  engineModule ??= loadEngine();
  const { SchemaEngine } = await engineModule;
  const pool = new pg.Pool({ ...connection, max: 2 });
  const factory = bindMigrationAwareSqlAdapterFactory(withCatalogChar(new PrismaPg(pool)));
  const datamodels: [string, string][] = schema ? [[schema.path, schema.content]] : [];
  const engine = await SchemaEngine.new({ datamodels }, () => {}, factory);
  try {
    return await work(engine);
  } finally {
    engine.free();
    // Ends the session that holds Prisma's advisory lock.
    await pool.end();
  }
}

/** Reports the catalog's one-byte type as a character instead of failing on it. */
function withCatalogChar(factory: PrismaPg): SqlMigrationAwareDriverAdapterFactory {
  const patched = async (connecting: ReturnType<PrismaPg['connect']>) => {
    const adapter = await connecting;
    const { queryRaw } = adapter;
    adapter.queryRaw = async (query: SqlQuery) => {
      const characters = new Set<number>();
      const performIO = async (sent: SqlQuery): Promise<pg.QueryArrayResult> => {
        const result: pg.QueryArrayResult = await Reflect.get(adapter, 'performIO').call(adapter, sent);
        for (const [index, field] of result.fields.entries()) {
          if (field.dataTypeID !== CATALOG_CHAR_OID) continue;
          characters.add(index);
          field.dataTypeID = TEXT_OID;
        }
        return result;
      };
      const set = await queryRaw.call(Object.create(adapter, { performIO: { value: performIO } }), query);
      const columnTypes = set.columnTypes.map((type, i) => (characters.has(i) ? ColumnTypeEnum.Character : type));
      return { ...set, columnTypes };
    };
    return adapter;
  };
  return {
    provider: factory.provider,
    adapterName: factory.adapterName,
    connect: () => patched(factory.connect()),
    connectToShadowDb: () => patched(factory.connectToShadowDb()),
  };
}

async function loadEngine(): Promise<typeof import('@prisma/schema-engine-wasm')> {
  Object.assign(globalThis, { PRISMA_WASM_PANIC_REGISTRY: { set_message() {} } });
  const binding = await import('@prisma/schema-engine-wasm/schema_engine_bg');
  const url = new URL('schema_engine_bg.wasm', import.meta.resolve('@prisma/schema-engine-wasm/schema_engine_bg'));
  const module = await WebAssembly.compile(await readFile(url));
  const instance = await WebAssembly.instantiate(module, { './schema_engine_bg.js': binding });
  binding.__wbg_set_wasm(instance.exports);
  (instance.exports.__wbindgen_start as () => void)();
  return binding;
}
