/** Input that nobody should send: texts, addresses and JSON for the property tests. */
import fc from 'fast-check';
import { hostile } from '../web/hostile-pages.ts';

/** Every element of these has an attribute that no page of ours has, or an address that is not ours. */
const MARKUP = [
  ...hostile,
  '<script src=//zq.example/x.js></script>',
  '</script><script zq>alert(1)</script>',
  '<a href="https://zq.example/">Approve</a>',
  '<meta http-equiv=refresh content="0;url=//zq.example">',
  '<form zq action=//zq.example><button name=decision value=approve>',
  '<svg zq onload=alert(1)>',
  '<!-- zq',
  '<![CDATA[zq',
  '<base href=//zq.example>',
  '" onmouseover="alert(1)" zq="',
  "' autofocus onfocus=alert(1) zq='",
  '&lt;b zq&gt;',
  '&#x3c;script zq&#x3e;',
  '<b zq',
];
const TEMPLATES = [
  '{{ 7 * 7 }}',
  '{{ range.constructor("return process")() }}',
  '{% include "/etc/passwd" %}',
  '{# zq',
  '<%= 7*7 %>',
  '#{7*7}',
  '{name}{host}{client}',
  '**bold**',
  '%s%n%d',
];
const DECEITS = [
  '\u202Egnp.exe\u202C',
  '\u2066evil\u2069',
  '\u200E\u200F\u061C',
  'Cla\u200Bude\u200D\uFEFF',
  '\u00ADsoft',
  'ﷺ',
  'ﬀ＜script＞',
  '＂quoted＂',
  '‥…․․․',
  '\u0344\u0958\uFB1D\u2126',
  'Ａｄｍｉｎ',
  'раураl',
  '\u115F\u3164\u2800',
  '\u{E0041}\u{E0042}',
  '“”„‟«»「」',
  `e${'\u0301'.repeat(40)}`,
  'مرحبا',
  'שלום',
  '👩‍👩‍👧‍👦🏳️‍🌈🇯🇵',
];
const BREAKS = [
  '\u0000',
  'a\u0000b',
  '\\u0000',
  '\\\\u0000',
  '\\ud800',
  '\ud83d',
  '\udc00x',
  '\r\nSet-Cookie: zq=1',
  '\n\nzq',
  '\t\v\f\u0085\u2028\u2029',
  '\u0007\u001b[31m',
  '\u007f\u009f',
  "' OR 1=1 --",
  '../../etc/passwd',
  'null',
  'undefined',
  '__proto__',
  'constructor',
  '-1',
  '1e999',
  '',
  ' ',
];

const trap = fc.constantFrom(...MARKUP, ...TEMPLATES, ...DECEITS, ...BREAKS);
const LENGTHS = [50, 61, 101, 1_001, 2_001, 10_240];

/** What a name, a state or any other text may be. */
export const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 5, arbitrary: trap },
  { weight: 2, arbitrary: fc.array(trap, { minLength: 2, maxLength: 3 }).map((parts) => parts.join('')) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }) },
  { weight: 2, arbitrary: fc.string({ unit: 'grapheme', maxLength: 80 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'.…"´\u0301 a'), maxLength: 70 }) },
  // Halves of characters, and what stands beside them.
  {
    weight: 1,
    arbitrary: fc
      .array(fc.integer({ min: 0xd700, max: 0xe100 }), { maxLength: 6 })
      .map((units) => String.fromCharCode(...units)),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(trap, fc.constantFrom(...LENGTHS))
      .map(([part, length]) => (part || 'x').repeat(length).slice(0, length)),
  },
);

/** One of the words; `_` is none. */
export function oneOf(words: string): fc.Arbitrary<string> {
  return fc.constantFrom(...words.split(/\s+/).map((word) => (word === '_' ? '' : word)));
}

/** Mostly plain: an address with one thing wrong goes further than one that is wrong all over. */
function part(plain: string, odd: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.oneof({ weight: 7, arbitrary: fc.constant(plain) }, { weight: 2, arbitrary: odd });
}

const scheme = fc.oneof(
  oneOf(`http: HTTPS: javascript: data: vbscript: file: blob: ms-msdt: cursor: cursor: vscode: com.example.app:
    com.apple.x: intent: ssh: ftp: ws: https _`),
  fc.constant(' https:'),
);
const slashes = oneOf('/ /// \\\\ /\\ _');
const userinfo = oneOf('claude.ai@ u:p@ @ %40@ claude.ai\\@');
const host = fc.oneof(
  oneOf(`auth.example.com auth.example.com 127.0.0.1 localhost [::1] app.example. LOCALHOST 127.1 0x7f.1 2130706433
    169.254.169.254 10.0.0.1 [64:ff9b::7f00:1] [::ffff:127.0.0.1] 0.0.0.0 [::] _ . bücher.example xn--bcher-kva.example
    ｅxample.com ex%61mple.com a..b localhost. x.localhost claude.ai%2eevil.example ex\u3002ample [::1 xn-- -a-.example`),
  fc.constantFrom('a b', 'a\u0000b', `${'a'.repeat(64)}.example`),
  fc.domain(),
);
const port = oneOf(': :0 :80 :443 :0443 :33418 :99999 :x :-1');
const segment = fc.oneof(
  oneOf(`/ /cb /cb /callback /.. /. /..; /%2e%2e /%252e /%2f /%5c \\ /%00 /%0d%0a /%zz /日本 /' /{{7*7}} //evil.example /~a
    /;v=1 /@ /%7f`),
  fc.constantFrom('/\u0000', '/ ', '/"><b zq>'),
);
const path = fc.array(segment, { maxLength: 3 }).map((parts) => parts.join(''));
const query = fc.oneof(
  oneOf(`? ?a=b ?code=x ?state= ?%63ode=1 ?iss=https://evil.example ?error=x ?a=b&error ?response=x
    ?error_description=zq ?a[]=1 ?id_token=1 ?CODE=x ?a=;code=x`),
  fc.constantFrom('?\u0000', '?a="><b zq>'),
);
const fragment = oneOf('# #top #code=x');

const whole = fc.tuple(
  part('https:', scheme),
  part('//', slashes),
  part('', userinfo),
  part('app.example', host),
  part('', port),
  part('/cb', path),
  part('', query),
  part('', fragment),
);

/** What an address may be. */
export const address: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: whole.map((parts) => parts.join('')) },
  { weight: 1, arbitrary: fc.webUrl({ withQueryParameters: true, withFragments: true }) },
  { weight: 1, arbitrary: text },
  { weight: 1, arbitrary: text.map((said) => `https://app.example/${said}`) },
);

/** Any JSON there is. */
export const json: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, -0, -1, 1.5, 1e300, 2 ** 53, '', nested(40)),
  oneOf(`[] {} [[]] [null] [""] [{}] {"a":{"b":{"c":{}}}} {"keys":[]} {"keys":"x"} {"length":3} {"toString":"x"}
    {"toJSON":1} {"then":1} {"0":"x"} {"__proto__":{"zq":1}}`).map((said) => JSON.parse(said) as unknown),
  text,
  fc.array(text, { maxLength: 4 }),
  fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' }) as fc.Arbitrary<unknown>,
  fc.dictionary(text, text, { maxKeys: 3 }),
);

function nested(depth: number): unknown {
  return depth === 0 ? 'zq' : [{ a: nested(depth - 1) }];
}
