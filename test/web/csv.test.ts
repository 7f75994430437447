/** Tables that others' words go into (RFC 4180). */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { csvRecord } from '../../src/web/csv.ts';

test('a record ends with CRLF; quotation marks, separators and line breaks are quoted, what is missing is empty', () => {
  assert.equal(csvRecord(['a', 1, null, undefined, '']), 'a,1,,,\r\n');
  assert.equal(
    csvRecord(['a,b', 'say "no"', 'two\r\nlines', ' blank ']),
    '"a,b","say ""no""","two\r\nlines"," blank "\r\n',
  );
});

test('no text is a formula to a spreadsheet: what begins like one gets an apostrophe', () => {
  for (const text of ['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '=HYPERLINK("http://evil.example","x")']) {
    const [cell = ''] = csvRecord([text, 'x']).split(/,x\r\n$/);
    assert.match(cell, /^"?'/, JSON.stringify(text));
  }
  assert.equal(csvRecord(['a=1', 'x-y', -1]), 'a=1,x-y,-1\r\n');
});
