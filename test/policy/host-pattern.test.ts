import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchesPattern, parseHostPattern, patternText } from '../../src/policy/host-pattern.ts';

const parse = (text: string) => parseHostPattern(text, 'The host');

function names(pattern: string, uri: string): boolean {
  return matchesPattern(parse(pattern), { uri, host: new URL(uri).hostname });
}

const named: [string, string][] = [
  ['claude.ai', 'https://claude.ai/client.json'],
  ['CLAUDE.AI', 'https://claude.ai/client.json'],
  ['claude.ai', 'https://CLAUDE.AI/client.json'],
  ['claude.ai', 'https://claude.ai:8443/client.json'],
  ['*.example.com', 'https://a.example.com/'],
  ['*.example.com', 'https://a.b.example.com/'],
  ['bücher.example', 'https://xn--bcher-kva.example/'],
  ['xn--bcher-kva.example', 'https://bücher.example/'],
  ['BÜCHER。example', 'https://bücher.example/'],
  ['192.0.2.7', 'https://192.0.2.7/'],
  ['[2001:db8::1]', 'https://[2001:DB8:0::1]/'],
  ['someone.github.io/app/client.json', 'https://someone.github.io/app/client.json'],
  ['https://someone.github.io/app/client.json', 'https://someone.github.io/app/client.json'],
  ['host.example:8443/client.json?v=1', 'https://host.example:8443/client.json?v=1'],
];
for (const [pattern, uri] of named) test(`${pattern} names ${uri}`, () => assert.equal(names(pattern, uri), true));

const others: [string, string][] = [
  ['claude.ai', 'https://claude.ai.evil.tld/'],
  ['claude.ai', 'https://xclaude.ai/'],
  ['claude.ai', 'https://x.claude.ai/'],
  ['claude.ai', 'https://claude.ai./'],
  ['claude.ai', 'https://ai/'],
  ['claude.ai', 'https://evil.tld/claude.ai'],
  ['claude.ai', 'https://claude.ai@evil.tld/'],
  ['claude.ai', 'https://сlaude.ai/'],
  ['сlaude.ai', 'https://claude.ai/'],
  ['claude.ai', 'https://claudexai/'],
  ['*.example.com', 'https://example.com/'],
  ['*.example.com', 'https://xexample.com/'],
  ['*.example.com', 'https://example.com.evil.tld/'],
  ['*.example.com', 'https://a.example.com.evil.tld/'],
  ['*.example.com', 'https://a.example.com./'],
  ['*.0.2.example', 'https://192.0.2.7/'],
  ['someone.github.io/app/client.json', 'https://someone.github.io/app/client.json?x'],
  ['someone.github.io/app/client.json', 'https://someone.github.io/app/client.json/'],
  ['someone.github.io/app/client.json', 'https://someone.github.io/APP/client.json'],
  ['someone.github.io/app/client.json', 'https://someone.github.io:8443/app/client.json'],
  ['someone.github.io/app/client.json', 'http://someone.github.io/app/client.json'],
];
for (const [pattern, uri] of others) {
  test(`${pattern} does not name ${uri}`, () => assert.equal(names(pattern, uri), false));
}

test('a name outside ASCII is kept and shown in punycode, so that it cannot pass for another', () => {
  assert.equal(patternText(parse('сlaude.ai')), 'xn--laude-0ye.ai');
  assert.equal(patternText(parse('*.Bücher.example')), '*.xn--bcher-kva.example');
  assert.equal(patternText(parse('https://Bücher.example/Client.json')), 'xn--bcher-kva.example/Client.json');
});

const refused: [string, RegExp][] = [
  ['', /is empty/],
  ['claude.ai.', /ends with a dot: write claude\.ai\./],
  ['.', /ends with a dot/],
  ['claude.ai:443', /has a port: write claude\.ai alone/],
  ['claude.ai:', /has a port/],
  ['[::1]:8443', /has a port: write \[::1\] alone/],
  ['ana@claude.ai', /names a user: write only claude\.ai\./],
  ['ana:x@claude.ai/client.json', /names a user: write only claude\.ai\./],
  ['https://claude.ai', /is a URL: write only claude\.ai\./],
  ['https://claude.ai/', /is a URL: write only claude\.ai\./],
  ['claude.ai/', /is a URL: write only claude\.ai\./],
  ['http://claude.ai/client.json', /is not https/],
  ['cursor://anysphere', /is not https/],
  ['*', /\* in the wrong place: write \*\.example\.com/],
  ['a.*.example.com', /\* in the wrong place/],
  ['*claude.ai', /\* in the wrong place/],
  ['*.*.claude.ai', /\* in the wrong place/],
  ['*.192.0.2.7', /\* before an IP address/],
  ['*.github.io/client.json', /\* in an address/],
  ['127.1', /IP address in disguise: write 127\.0\.0\.1/],
  ['0x7f.0.0.1', /IP address in disguise/],
  ['2130706433', /IP address in disguise/],
  ['192.0.2.07', /IP address in disguise/],
  ['[2001:db8:0::1]', /IP address in disguise: write \[2001:db8::1\]/],
  ['::1', /is no host/],
  ['a.192.0.2.7', /is no host/],
  ['a..example', /is no host/],
  ['.example.com', /is no host/],
  ['-a.example', /is no host/],
  ['cl%61ude.ai', /is no host/],
  ['claude,ai', /is no host/],
  [`${'a'.repeat(64)}.example`, /is no host/],
  ['claude.ai evil.tld', /blanks or invisible/],
  ['clau\u00adde.ai', /blanks or invisible/],
  ['claude\u200b.ai', /blanks or invisible/],
  ['claude.ai\0', /blanks or invisible/],
  ['claude.ai\\@evil.tld', /is no plain https address/],
  ['claude.ai/a/../b', /is no plain https address/],
  ['claude.ai/a#b', /is no plain https address/],
  ['claude.ai:443/a', /is no plain https address/],
  ['claude.ai?a', /is no plain https address/],
  [`claude.ai/${'a'.repeat(2_000)}`, /is too long/],
];
for (const [text, message] of refused) {
  test(`the host ${JSON.stringify(text.slice(0, 40))} is refused with what to write`, () => {
    assert.throws(() => parse(text), { code: 'invalid_host', status: 400, message });
  });
}
