/** Packs src/guard as the npm package that an MCP server installs: plain JavaScript with types, `jose` its only dependency. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, '..');

/** Writes `consentry-guard-<version>.tgz` to `outDir` and returns its path. Needs no network. */
export async function buildGuard(outDir: string): Promise<string> {
  const staging = await mkdtemp(path.join(tmpdir(), 'consentry-guard-'));
  try {
    const manifest = guardManifest(JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')));
    await compile(path.join(staging, 'guard'));
    await writeFile(path.join(staging, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await cp(path.join(root, 'docs/guard.md'), path.join(staging, 'README.md'));
    await cp(path.join(root, 'LICENSE'), path.join(staging, 'LICENSE'));
    await mkdir(outDir, { recursive: true });
    return await pack(staging, outDir, `consentry-guard-${manifest.version}.tgz`);
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}

type Manifest = { name: string; version: string; license: string; dependencies: Record<string, string> };

function guardManifest({ name, version, license, dependencies }: Manifest) {
  return {
    name,
    version,
    license,
    description: 'Lets an MCP server accept the access tokens of its authorization server, and no others.',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20' },
    exports: { './guard': { types: './guard/index.d.ts', default: './guard/index.js' } },
    files: ['guard'],
    dependencies: { jose: `^${dependencies.jose}` },
  };
}

async function compile(outDir: string): Promise<void> {
  const options = {
    ...{ outDir, rootDir: 'src/guard', declaration: true, rewriteRelativeImportExtensions: true },
    ...{ target: 'es2023', lib: 'es2024', module: 'nodenext', types: 'node', strict: true },
    ...{ exactOptionalPropertyTypes: true, verbatimModuleSyntax: true, skipLibCheck: true },
  };
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [tsc, '--ignoreConfig', ...flags, 'src/guard/index.ts'], { cwd: root });
}

/** npm names the file after the package; ours says which part of the project is in it. */
async function pack(staging: string, outDir: string, filename: string): Promise<string> {
  const flags = ['--json', '--ignore-scripts', '--pack-destination', outDir];
  const { stdout } = await run('npm', ['pack', ...flags], { cwd: staging });
  const [packed] = JSON.parse(stdout) as [{ filename: string }];
  const target = path.join(outDir, filename);
  await rename(path.join(outDir, packed.filename), target);
  return target;
}

if (import.meta.main) console.log(await buildGuard(path.join(root, 'dist')));
