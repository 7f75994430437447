import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressSet, isLoopback, isSpecialUse } from '../../src/web/special-use-addresses.ts';

/** First and last address of each block of IANA's special-purpose registries, multicast and what is unassigned. */
const special = [
  ...['0.0.0.0', '0.255.255.255', '10.0.0.0', '10.255.255.255', '100.64.0.0', '100.127.255.255', '127.0.0.1'],
  ...['127.255.255.255', '169.254.0.0', '169.254.169.254', '172.16.0.0', '172.31.255.255', '192.0.0.0', '192.0.0.255'],
  ...['192.0.2.1', '192.31.196.1', '192.52.193.1', '192.88.99.1', '192.168.0.0', '192.168.255.255', '192.175.48.1'],
  ...['198.18.0.0', '198.19.255.255', '198.51.100.1', '203.0.113.1', '224.0.0.0', '239.255.255.255', '240.0.0.0'],
  ...[
    '255.255.255.255',
    '::',
    '::1',
    '::7f00:1',
    '::ffff:0:0',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::ffff:0:7f00:1',
  ],
  ...['64:ff9b::7f00:1', '64:ff9b::808:808', '64:ff9b:1::a00:1', '100::1', '100:0:0:1::1', '2001::1', '2001:0:1::1'],
  ...['2001:1ff:ffff::1', '2001:2::1', '2001:10::1', '2001:20::1', '2001:db8::1', '2002:7f00:1::', '2002:a00:1::1'],
  ...['2620:4f:8000::1', '3fff::1', '3fff:fff::1', '5f00::1', '4000::1', 'fc00::1', 'fd12:3456::1', 'fe80::1'],
  ...['febf::1', 'fec0::1', 'ff02::1', 'ffff::1', 'fe80::1%eth0', '2606:4700::1%eth0'],
  ...['', 'localhost', '127.1', '0x7f.0.0.1', '0177.0.0.1', '2130706433', '[::1]', '8.8.8.8 ', '8.8.8.8/32'],
];
const ordinary = [
  ...['1.1.1.1', '8.8.8.8', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255'],
  ...['128.0.0.0', '169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.0', '192.167.255.255'],
  ...['192.169.0.0', '198.17.255.255', '198.20.0.0', '223.255.255.255', '2001:200::1', '2001:4860:4860::8888'],
  ...['2003::1', '2606:4700:4700::1111', '2a00:1450::1', '3ffe::1'],
];
for (const address of special) test(`"${address}" is special-use`, () => assert.equal(isSpecialUse(address), true));
for (const address of ordinary)
  test(`${address} is an ordinary host`, () => assert.equal(isSpecialUse(address), false));

test('loopback is 127.0.0.0/8 and ::1, also mapped into IPv6', () => {
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) assert.ok(isLoopback(address), address);
  for (const address of ['128.0.0.1', '::2', '10.0.0.1', 'localhost', '']) assert.ok(!isLoopback(address), address);
});

test('an address set holds its addresses and networks and nothing else', () => {
  const allowed = addressSet(['10.1.0.0/16', '127.0.0.1', 'fd00::/8']);
  for (const address of ['10.1.2.3', '127.0.0.1', 'fd00::1', '::ffff:10.1.0.1']) assert.ok(allowed(address), address);
  for (const address of ['10.2.0.1', '127.0.0.2', 'fe80::1', 'fd00::1%x', 'x']) assert.ok(!allowed(address), address);
  assert.throws(() => addressSet(['10.0.0.0/33']), RangeError);
  assert.throws(() => addressSet(['example.com']), RangeError);
});
