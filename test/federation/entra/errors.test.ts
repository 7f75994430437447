/** The table of AADSTS codes: what each does to a sign-in, and what the operator reads of it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { entraErrorKind } from '../../../src/federation/entra/errors.ts';
import { explainEntraError } from '../../../src/federation/entra/explanations.ts';
import { inEnglish } from '../../../src/web/english.ts';

const ROWS: Readonly<Record<string, readonly number[]>> = {
  'denied not_assigned': [50105],
  'denied account_disabled': [50057],
  'denied unknown_person': [50020, 50034, 500212, 500213],
  'denied admin_blocked': [53011, 53000, 53001, 53003, 530032],
  'denied admin_consent': [65001, 65004, 90094, 90095, 650052],
  'denied interaction': [50076, 50079, 50078, 50158, 50072],
  'failed ': [50173, 70043, 700082, 700084, 50089, 70008, 54005, 501481, 70000],
  'failed misconfigured alarm': [
    7000215, 7000222, 700027, 7000218, 50194, 90002, 700016, 90038, 9010010, 901002, 650053,
  ],
  'failed loop alarm': [50196],
  'unavailable throttled': [90024, 50033, 90006],
};

describe('the table of AADSTS codes', () => {
  it('does with each code what is written for it, whatever OAuth error stands beside it', () => {
    for (const [row, codes] of Object.entries(ROWS)) {
      for (const code of codes) {
        for (const error of ['invalid_grant', 'interaction_required', 'unheard_of']) {
          const { kind } = entraErrorKind(error, [code]);
          const line = `${kind.failure} ${kind.reason ?? ''}${kind.alarm ? ' alarm' : ''}`;
          assert.equal(line, row, `${code} ${error}`);
        }
      }
    }
  });

  it('takes the first code that it knows, and without any the OAuth error', () => {
    assert.deepEqual(entraErrorKind('invalid_grant', [1, 50057, 50105]).code, 50057);
    assert.deepEqual(entraErrorKind('invalid_grant', [1]), { kind: { failure: 'failed', ended: 'token' }, code: 1 });
    assert.deepEqual(entraErrorKind('__proto__', []), { kind: { failure: 'failed' } });
  });

  it('a code that says nothing of the person never ends one: busy, or our own fault', () => {
    for (const [row, codes] of Object.entries(ROWS)) {
      if (!/alarm|unavailable/.test(row)) continue;
      for (const code of codes)
        assert.equal(entraErrorKind('invalid_grant', [code]).kind.ended, undefined, String(code));
    }
  });

  it('tells the operator in words what to do about each code that alarms', () => {
    for (const code of Object.entries(ROWS).flatMap(([row, codes]) => (row.endsWith('alarm') ? codes : []))) {
      assert.match(inEnglish(`connections.${explainEntraError(code)}`), /\.$/, String(code));
    }
    assert.equal(explainEntraError(1), undefined);
  });
});
