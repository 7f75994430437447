/** What a page of ours is for, in words, for who has to show first that it is them; and where they go who would rather not. */
import { APPS } from './paths.ts';

/** Paths → last part of a key `account.confirm.acts.…`; the first that matches. */
const ACTS: readonly (readonly [RegExp, string])[] = [
  [/^\/account\/security\/remove-codes$/, 'removeCodes'],
  [/^\/account\/security/, 'security'],
  [/^\/account\/ways-in/, 'waysIn'],
  [/^\/admin\/approvals\/[^/]+\/(?:approve|rule|revoke)$/, 'approval'],
  [/^\/admin\/clients\/family\/block$/, 'familyBlock'],
  [/^\/admin\/clients\/block$/, 'clientBlock'],
  [/^\/admin\/clients\/unblock$/, 'clientUnblock'],
  [/^\/admin\/clients\/(?:add|import)$/, 'clientAdd'],
  [/^\/admin\/(?:clients|servers\/[^/]+)\/(?:rotate|end-previous)-secret$/, 'secret'],
  [/^\/admin\/clients\/(?:kind|admin-api|drop-document)$/, 'clientChange'],
  [/^\/admin\/connections\/add/, 'connectionAdd'],
  [/^\/admin\/connections\/[^/]+\/remove$/, 'connectionRemove'],
  [/^\/admin\/connections\/[^/]+\/tokens/, 'directoryToken'],
  [/^\/admin\/connections\/[^/]+\/change$/, 'connectionChange'],
  [/^\/admin\/consents\/revoke/, 'consentsRevoke'],
  [/^\/admin\/keys\/rotate$/, 'keyRotate'],
  [/^\/admin\/keys\/[^/]+\/retire$/, 'keyRetire'],
  [/^\/admin\/people\/add$/, 'personAdd'],
  [/^\/admin\/people\/[^/]+\/disable$/, 'personDisable'],
  [/^\/admin\/people\/[^/]+\/revoke-all$/, 'personRevoke'],
  [/^\/admin\/people\/[^/]+\/reset-password$/, 'personPassword'],
  [/^\/admin\/people\/[^/]+\/reset-factors$/, 'personFactors'],
  [/^\/admin\/people\/[^/]+$/, 'personChange'],
  [/^\/admin\/policy/, 'policy'],
  [/^\/admin\/reviews\/start$/, 'reviewStart'],
  [/^\/admin\/reviews\/[^/]+\/close$/, 'reviewClose'],
  [/^\/admin\/servers\/add/, 'serverAdd'],
  [/^\/admin\/servers\/[^/]+\/disable$/, 'serverDisable'],
  [/^\/admin\/servers\/[^/]+/, 'serverChange'],
];

/** @param to a path of ours; @returns last part of `account.confirm.acts.…`, undefined where there is no word for it */
export function purposeOf(to: string): string | undefined {
  const [path = ''] = to.split('?');
  return ACTS.find(([pattern]) => pattern.test(path))?.[1];
}

/** Forms that stand beside the things of a section, not below one. */
const FORMS = new Set(['add', 'import', 'start', 'rotate', 'revoke', 'revoke-matching']);

/** The page above a form, which asks for no proof. @param to a path of ours */
export function withoutProof(to: string): string {
  const { pathname, searchParams } = new URL(to, 'http://own.invalid');
  const [, edge, section = '', thing = '', act] = pathname.split('/');
  // Whoever does not come in has nowhere to be in there.
  if (edge !== 'admin' || section === 'sign-in') return APPS;
  const home = section === '' ? '/admin' : `/admin/${section}`;
  if (section === 'clients') return clientsPage(home, searchParams);
  if (thing === '' || FORMS.has(thing) || section === 'keys' || section === 'policy') return home;
  return act === undefined ? to : `${home}/${thing}`;
}

function clientsPage(home: string, asked: URLSearchParams): string {
  const [id, key] = [asked.get('id'), asked.get('key')];
  if (id !== null) return `${home}/show?id=${encodeURIComponent(id)}`;
  return key === null ? home : `${home}/family?key=${encodeURIComponent(key)}`;
}
