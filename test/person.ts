/** A person with a browser without JavaScript: keeps cookies, follows redirects of ours, reads forms, presses buttons. */
import { createHash, randomBytes } from 'node:crypto';

/** A page of ours, or the redirect that leaves us. */
export interface Step {
  status: number;
  url: string;
  html: string;
  headers: Headers;
  /** Where a redirect to somebody else's address pointed. */
  left?: URL;
}

export type Person = ReturnType<typeof createPerson>;

/** @param headers sent with every request, such as `accept-language` */
export function createPerson(issuer: string, headers: Record<string, string> = {}) {
  const jar: { name: string; value: string; path: string }[] = [];

  function remember(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const name = pair.slice(0, pair.indexOf('='));
      const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? '/';
      const index = jar.findIndex((cookie) => cookie.name === name && cookie.path === path);
      if (index >= 0) jar.splice(index, 1);
      const expired = attributes.some((one) => /^expires=.*1970/i.test(one));
      if (!expired) jar.push({ name, value: pair.slice(pair.indexOf('=') + 1), path });
    }
  }

  function cookies(path: string): string {
    const sent = jar.filter(
      (cookie) => path === cookie.path || path.startsWith(cookie.path.endsWith('/') ? cookie.path : `${cookie.path}/`),
    );
    return sent.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  async function send(url: string, init: RequestInit = {}): Promise<Response> {
    const response = await fetch(url, {
      ...init,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...headers,
        cookie: cookies(new URL(url).pathname),
        ...(init.headers as Record<string, string>),
      },
    });
    remember(response);
    return response;
  }

  async function follow(response: Response, url: string): Promise<Step> {
    let current = response;
    let at = url;
    for (let hop = 0; hop < 10; hop += 1) {
      const location = redirected(current);
      const html = await current.text();
      const next = location ?? goesOnTo(html);
      if (next === undefined) return { status: current.status, url: at, html, headers: current.headers };
      const target = new URL(next, at);
      if (target.origin !== new URL(issuer).origin)
        return { status: current.status, url: at, html, headers: current.headers, left: target };
      at = target.href;
      current = await send(at);
    }
    return { status: current.status, url: at, html: await current.text(), headers: current.headers };
  }

  async function open(url: string, init: RequestInit = {}): Promise<Step> {
    return follow(await send(url, init), url);
  }

  /** Sends the form of the page whose action it is, with its hidden and checked fields and these changes. */
  async function submit(
    page: Step,
    changes: Record<string, string | string[]> = {},
    init: { action?: string; headers?: Record<string, string> } = {},
  ) {
    const form = readForm(page.html, init.action ?? mainAction(page));
    const fields = new URLSearchParams();
    for (const [name, value] of form.fields) if (!(name in changes)) fields.append(name, value);
    for (const [name, value] of Object.entries(changes)) for (const one of [value].flat()) fields.append(name, one);
    const url = new URL(form.action, page.url).href;
    const body = fields.toString();
    return open(url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: issuer,
        'sec-fetch-site': 'same-origin',
        ...init.headers,
      },
    });
  }

  return { jar, send, open, submit };
}

function redirected({ status, headers }: Response): string | undefined {
  return status >= 300 && status < 400 ? (headers.get('location') ?? undefined) : undefined;
}

/** A page that goes on by itself, at once. */
function goesOnTo(html: string): string | undefined {
  const to = /<meta http-equiv="refresh" content="0; url=([^"]*)"/.exec(html)?.[1];
  return to === undefined ? undefined : decodeEntities(to);
}

/** A page's own form posts back to its address; beside it stand small ones such as "Not you?". */
function mainAction(page: Step): string | undefined {
  const { pathname } = new URL(page.url);
  return page.html.includes(`action="${pathname}"`) ? pathname : undefined;
}

/** The first form of a page, or the one with this action: its address and what it would send untouched. */
export function readForm(html: string, action?: string): { action: string; fields: [string, string][] } {
  for (const [, attributes = '', content = ''] of html.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/g)) {
    const target = decodeEntities(/\baction="([^"]*)"/.exec(attributes)?.[1] ?? '');
    if (action === undefined || target === action) return { action: target, fields: readFields(content) };
  }
  throw new Error(`no form${action ? ` with action ${action}` : ''} in:\n${html.slice(0, 2000)}`);
}

function readFields(content: string): [string, string][] {
  const fields: [string, string][] = [];
  for (const [input = ''] of content.matchAll(/<input\b[^>]*>/g)) {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(input)?.[1];
    const type = attribute('type') ?? 'text';
    const name = attribute('name');
    if (!name || /\sdisabled\b/.test(input)) continue;
    if ((type === 'checkbox' || type === 'radio') && !/\schecked\b/.test(input)) continue;
    fields.push([decodeEntities(name), decodeEntities(attribute('value') ?? '')]);
  }
  return fields;
}

function decodeEntities(text: string): string {
  return text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#x2F;', '/')
    .replaceAll('&amp;', '&');
}

/** What a client needs to begin and to finish (RFC 7636 §4). */
export function pkce() {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

/** The words of a page without its markup. */
export function words({ html }: Pick<Step, 'html'>): string {
  const text = html.replace(/<(script|style|svg|title)\b[\s\S]*?<\/\1>/g, ' ').replace(/<[^>]+>/g, ' ');
  return text
    .replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&')
    .replace(/\s+/g, ' ')
    .trim();
}
