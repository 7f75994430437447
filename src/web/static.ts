/**
 * The few files the pages need (`views/static`), read once and served under `/static/`; the one stylesheet is put together
 * from `views/styles`.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { Middleware } from 'koa';

const directory = new URL('../../views/static/', import.meta.url);
const styles = new URL('../../views/styles/', import.meta.url);
const contentTypes: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export type StaticFiles = ReturnType<typeof readStaticFiles>;

/**
 * Reads every file of `views/static`.
 * @param options.basePath what stands before `/static/` in addresses, where the issuer has a path
 */
export function readStaticFiles(options: { basePath?: string | undefined } = {}) {
  const files = new Map(readdirSync(directory).map((name) => [name, readFile(name)]));
  const stylesheet = readStyles();
  files.set('style.css', { body: stylesheet, type: 'text/css; charset=utf-8', hash: hashOf(stylesheet) });

  /** The address of a file, with its content hash; throws for a name that is not there. */
  function urlOf(name: string): string {
    const file = files.get(name);
    if (!file) throw new Error(`No static file ${name}`);
    return `${options.basePath ?? ''}/static/${name}?v=${file.hash}`;
  }

  /** Answers GET and HEAD below `/static/`; everything else goes on. Names are looked up, never joined to a path. */
  const middleware: Middleware = async (ctx, next) => {
    if (!ctx.path.startsWith('/static/') || (ctx.method !== 'GET' && ctx.method !== 'HEAD')) return next();
    const file = files.get(ctx.path.slice('/static/'.length));
    if (!file) return next();
    ctx.set('X-Content-Type-Options', 'nosniff');
    ctx.set('Cross-Origin-Resource-Policy', 'same-origin');
    ctx.set('Cache-Control', ctx.query.v === file.hash ? 'public, max-age=31536000, immutable' : 'no-cache');
    ctx.set('ETag', `"${file.hash}"`);
    ctx.status = 200;
    ctx.type = file.type;
    if (ctx.fresh) ctx.status = 304;
    else ctx.body = file.body;
  };

  return { urlOf, middleware };
}

function readFile(name: string) {
  const type = contentTypes[extname(name)];
  if (!type) throw new Error(`No content type for ${name}`);
  const body = readFileSync(new URL(name, directory));
  return { body, type, hash: hashOf(body) };
}

/** Tokens and what every page shares first, then what single pages add, by name. */
function readStyles() {
  const names = readdirSync(styles).sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1));
  return Buffer.concat(names.map((name) => readFileSync(new URL(name, styles))));
}

function rank(name: string): number {
  const first = ['base.css', 'dashboard.css'].indexOf(name);
  return first === -1 ? 2 : first;
}

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64url').slice(0, 16);
}
