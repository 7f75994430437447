/** The few pages that a real browser sees at the fake. */
import type { Context } from 'koa';
import type { FakePerson } from './directory.ts';
import type { Aadsts } from './errors.ts';

export function choosePage(ctx: Context, params: URLSearchParams, people: readonly FakePerson[]): void {
  const hidden = [...params].map(([name, value]) => input(name, value)).join('');
  const button = (value: string, text: string) =>
    `<button name="fake_person" value="${escaped(value)}">${escaped(text)}</button>`;
  const buttons = [...people.map(({ oid, upn }) => button(oid, upn)), button('cancel', 'Cancel')].join(' ');
  page(ctx, 'Pick an account', `<form method="post">${hidden}${buttons}</form>`);
}

/** Submitted by the person here, by a script there. */
export function formPost(ctx: Context, action: string, response: Record<string, string>): void {
  const hidden = Object.entries(response)
    .map(([name, value]) => input(name, value))
    .join('');
  page(ctx, 'Working…', `<form method="post" action="${escaped(action)}">${hidden}<button>Continue</button></form>`);
}

export function errorPage(ctx: Context, error: Aadsts): void {
  page(ctx, 'Sorry, but we’re having trouble signing you in.', `<p>${escaped(error.message)}</p>`);
}

function page(ctx: Context, heading: string, body: string): void {
  ctx.type = 'html';
  ctx.body = `<!doctype html><html lang="en"><title>Sign in to your account</title><h1>${escaped(heading)}</h1>${body}</html>`;
}

function input(name: string, value: string): string {
  return `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}
