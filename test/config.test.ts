import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { ConfigError, configKeys, readConfig } from '../src/config.ts';

const key = randomBytes(32);
const production = {
  ISSUER: 'https://auth.example.com',
  DATABASE_URL: 'postgres://consentry:secret@db.example.com:5432/consentry',
  MASTER_KEY: key.toString('base64'),
};
const webhookSecret = randomBytes(24);
const notices = {
  WEBHOOK_URL: 'https://hooks.example.com/consentry?to=ops',
  WEBHOOK_SECRET: `whsec_${webhookSecret.toString('base64')}`,
  SMTP_URL: 'smtp://consentry:p%40ss@mail.example.com:587',
  MAIL_FROM: 'Consentry <consentry@example.com>',
};
const root = '/srv/consentry';

function problemsOf(env: Record<string, string>, readFile?: (path: string) => string): readonly string[] {
  try {
    readConfig(env, readFile ? { root, readFile } : { root });
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    for (const problem of error.problems) assert.ok(error.message.includes(problem));
    return error.problems;
  }
  return [];
}

function assertProblem(env: Record<string, string>, pattern: RegExp): void {
  const problems = problemsOf(env);
  assert.equal(problems.length, 1, problems.join('\n'));
  assert.match(problems[0] ?? '', pattern);
}

test('nothing set is a configuration for trying it on this machine', () => {
  assert.deepEqual(readConfig({}, { root }), {
    issuer: 'http://127.0.0.1:8414',
    host: '127.0.0.1',
    port: 8414,
    production: false,
    databaseUrl: undefined,
    dataDir: '/srv/consentry/data',
    masterKey: undefined,
    adminEmail: undefined,
    adminPassword: undefined,
    demo: true,
    demoPort: 9728,
    logLevel: 'info',
    trustedProxies: [],
    outboundProxy: undefined,
    outboundCaFile: undefined,
    outboundAllow: [],
    brandName: 'Consentry',
    supportUrl: undefined,
    webhook: undefined,
    mail: undefined,
    connectionsFile: undefined,
    refreshGraceSeconds: 30,
    twoPersonApprovals: 'off',
    approvalRequestDays: 30,
  });
});

test('a blank value means the default, and what is not a setting is left alone', () => {
  const blank = Object.fromEntries(configKeys.map((name) => [name, ' ']));
  assert.deepEqual(readConfig({ ...blank, PATH: '/bin' }, { root }), readConfig({}, { root }));
});

test('the configuration cannot be changed after it was read', () => {
  const config = readConfig({ TRUSTED_PROXIES: '10.0.0.1', ...notices });
  for (const part of [config, config.trustedProxies, config.outboundAllow, config.webhook, config.mail]) {
    assert.ok(part && Object.isFrozen(part));
  }
});

test('every setting is read', () => {
  const config = readConfig(
    {
      ...production,
      HOST: '0.0.0.0',
      PORT: '9000',
      DATA_DIR: 'state',
      ADMIN_EMAIL: ' Ana@Example.com',
      ADMIN_PASSWORD: 'a long enough password',
      DEMO: 'on',
      DEMO_PORT: '9001',
      LOG_LEVEL: 'debug',
      TRUSTED_PROXIES: '10.0.0.5, 10.1.0.0/16 fd00::/8',
      OUTBOUND_PROXY: 'http://proxy.example:3128',
      OUTBOUND_CA_FILE: 'ca.pem',
      OUTBOUND_ALLOW: 'Intranet.example,10.2.0.0/16',
      BRAND_NAME: 'Bücherei',
      SUPPORT_URL: 'mailto:help@example.com',
      ...notices,
      CONNECTIONS_FILE: 'connections.json',
      REFRESH_GRACE_SECONDS: '0',
      TWO_PERSON_APPROVALS: 'always',
      APPROVAL_REQUEST_DAYS: '14',
      NODE_ENV: 'production',
    },
    { root, readFile: () => '-----BEGIN CERTIFICATE-----' },
  );
  assert.deepEqual(config, {
    issuer: 'https://auth.example.com',
    host: '0.0.0.0',
    port: 9000,
    production: true,
    databaseUrl: production.DATABASE_URL,
    dataDir: '/srv/consentry/state',
    masterKey: key,
    adminEmail: 'ana@example.com',
    adminPassword: 'a long enough password',
    demo: true,
    demoPort: 9001,
    logLevel: 'debug',
    trustedProxies: ['10.0.0.5', '10.1.0.0/16', 'fd00::/8'],
    outboundProxy: 'http://proxy.example:3128/',
    outboundCaFile: '/srv/consentry/ca.pem',
    outboundAllow: ['intranet.example', '10.2.0.0/16'],
    brandName: 'Bücherei',
    supportUrl: 'mailto:help@example.com',
    webhook: { url: notices.WEBHOOK_URL, secret: webhookSecret },
    mail: { smtpUrl: notices.SMTP_URL, from: notices.MAIL_FROM },
    connectionsFile: '/srv/consentry/connections.json',
    refreshGraceSeconds: 0,
    twoPersonApprovals: 'always',
    approvalRequestDays: 14,
  });
});

describe('issuer', () => {
  test('it follows HOST and PORT where it is not set', () => {
    assert.equal(readConfig({ PORT: '80' }).issuer, 'http://127.0.0.1');
    assert.equal(readConfig({ HOST: '0.0.0.0', PORT: '9000' }).issuer, 'http://127.0.0.1:9000');
    assert.equal(readConfig({ HOST: '::1' }).issuer, 'http://[::1]:8414');
    assert.equal(readConfig({ HOST: 'localhost' }).issuer, 'http://localhost:8414');
  });

  for (const [issuer, pattern] of [
    ['https://auth.example.com/', /write https:\/\/auth\.example\.com$/],
    ['https://AUTH.example.com', /write https:\/\/auth\.example\.com$/],
    ['https://auth.example.com:443', /write https:\/\/auth\.example\.com$/],
    ['https://auth.example.com/tenant', /path.*write https:\/\/auth\.example\.com$/],
    ['https://auth.example.com?a=b', /query/],
    ['https://auth.example.com#', /fragment/],
    ['https://me:pw@auth.example.com', /user name/],
    ['auth.example.com', /https:\/\/auth\.example\.com/],
    ['ftp://auth.example.com', /https:\/\/auth\.example\.com/],
    ['http://auth.example.com', /must be https because others/],
    ['http://127.0.0.1.example.com', /must be https/],
    ['http://127.example.com', /must be https/],
  ] as const) {
    test(`${issuer} is refused with what to write instead`, () => {
      assertProblem({ ...production, ISSUER: issuer }, pattern);
    });
  }

  test('only loopback counts as this machine', () => {
    for (const issuer of ['http://localhost:1', 'http://127.9.9.9', 'http://[::1]:8414', 'https://localhost']) {
      assert.equal(readConfig({ ISSUER: issuer }).production, false, issuer);
    }
    assert.equal(readConfig(production).production, true);
    assert.equal(problemsOf({ HOST: '192.168.1.5' }).length, 3);
  });
});

describe('production', () => {
  test('it asks for https, a database and a master key, all at once', () => {
    const problems = problemsOf({ NODE_ENV: 'production' });
    assert.deepEqual(
      problems.map((problem) => problem.split(' ')[0]),
      ['ISSUER', 'DATABASE_URL', 'MASTER_KEY'],
    );
  });

  test('a malformed issuer does not hide what else production lacks', () => {
    assert.equal(problemsOf({ ISSUER: 'https://auth.example.com/' }).length, 3);
    assert.equal(problemsOf({ ISSUER: 'auth.example.com' }).length, 3);
    assert.equal(problemsOf({ ISSUER: 'localhost:8414' }).length, 1);
  });

  test('the embedded database is used there when it is asked for', () => {
    const config = readConfig({ ...production, DATABASE_URL: 'embedded' });
    assert.equal(config.databaseUrl, undefined);
  });

  test('the demo is off there unless asked for', () => {
    assert.equal(readConfig(production).demo, false);
    assert.equal(readConfig({ ...production, DEMO: 'on' }).demo, true);
  });

  test('something that is nearly "production" is not taken for something else', () => {
    assertProblem({ NODE_ENV: 'Production' }, /write production/);
    assertProblem({ NODE_ENV: 'prod' }, /write production/);
    assert.equal(readConfig({ NODE_ENV: 'test' }).production, false);
  });
});

describe('secrets', () => {
  const weak = {
    'all zero': Buffer.alloc(32),
    'one byte repeated': Buffer.alloc(32, 0xa7),
    'a counter': Buffer.from(Array.from({ length: 32 }, (_, index) => index)),
    'typed text': Buffer.from('changeme-changeme-0123456789-abc'),
    'a short pattern': Buffer.from('deadbeefcafe0001'.repeat(4), 'hex'),
    'too short': randomBytes(31),
    'too long': randomBytes(33),
  };
  for (const [what, bytes] of Object.entries(weak)) {
    test(`a master key that is ${what} is refused and not repeated`, () => {
      const value = bytes.toString('base64');
      assertProblem({ MASTER_KEY: value }, /openssl rand -base64 32/);
      assert.ok(!problemsOf({ MASTER_KEY: value }).join().includes(value));
    });
  }

  test('a master key in hex or with foreign characters is refused', () => {
    assertProblem({ MASTER_KEY: key.toString('hex') }, /base64/);
    assertProblem(
      { MASTER_KEY: `${key.toString('base64').slice(0, 20)} ${key.toString('base64').slice(20)}` },
      /base64/,
    );
  });

  test('random master keys are accepted', () => {
    for (let round = 0; round < 200; round += 1) {
      const fresh = randomBytes(32);
      assert.deepEqual(readConfig({ MASTER_KEY: fresh.toString('base64') }).masterKey, fresh);
    }
  });

  test('each secret can come from a file, whose last line break does not count', () => {
    const files: Record<string, string> = {
      '/run/secrets/db': `${production.DATABASE_URL}\n`,
      '/srv/consentry/key': `${production.MASTER_KEY}\r\n`,
      '/run/secrets/pw': ' spaces at both ends ',
      '/run/secrets/hook': `${notices.WEBHOOK_SECRET}\n`,
      '/run/secrets/smtp': `${notices.SMTP_URL}\n`,
    };
    const config = readConfig(
      {
        ISSUER: production.ISSUER,
        DATABASE_URL_FILE: '/run/secrets/db',
        MASTER_KEY_FILE: 'key',
        ADMIN_PASSWORD_FILE: '/run/secrets/pw',
        WEBHOOK_URL: notices.WEBHOOK_URL,
        WEBHOOK_SECRET_FILE: '/run/secrets/hook',
        SMTP_URL_FILE: '/run/secrets/smtp',
        MAIL_FROM: notices.MAIL_FROM,
      },
      { root, readFile: (path) => files[path] ?? assert.fail(path) },
    );
    assert.equal(config.databaseUrl, production.DATABASE_URL);
    assert.deepEqual(config.masterKey, key);
    assert.equal(config.adminPassword, ' spaces at both ends ');
    assert.deepEqual(config.webhook?.secret, webhookSecret);
    assert.equal(config.mail?.smtpUrl, notices.SMTP_URL);
  });

  test('a secret given twice, a file that is missing and a file that is empty are each reported', () => {
    assertProblem(
      { MASTER_KEY: production.MASTER_KEY, MASTER_KEY_FILE: '/x' },
      /MASTER_KEY is set and MASTER_KEY_FILE/,
    );
    assertProblem({ MASTER_KEY_FILE: '/no/such/file' }, /\/no\/such\/file \(ENOENT\)/);
    assert.match(problemsOf({ MASTER_KEY_FILE: '/empty' }, () => '\n').join(), /is empty in \/empty/);
  });

  test('a database address that is no Postgres, or names no database, is refused without repeating it', () => {
    for (const value of ['mysql://u:hunter2@h/d', 'postgres://u:hunter2@h', 'postgres://u:hunter2#@h/d', 'Embedded']) {
      const problems = problemsOf({ DATABASE_URL: value });
      assert.match(problems.join(), /^DATABASE_URL /);
      assert.ok(!problems.join().includes('hunter2'));
    }
    assert.ok(readConfig({ DATABASE_URL: 'postgresql:///consentry?host=/run/postgresql' }).databaseUrl);
  });

  test("the first administrator's password follows the rules of every password", () => {
    assertProblem({ ADMIN_PASSWORD: 'short' }, /at least 12 characters/);
    assertProblem({ ADMIN_PASSWORD: 'aaaaaaaaaaaaaaaa' }, /different characters/);
    assertProblem({ ADMIN_EMAIL: 'ana@example.com', ADMIN_PASSWORD: 'Ana@Example.com' }, /other than the e-mail/);
    assertProblem({ ADMIN_EMAIL: 'ana' }, /not an e-mail address/);
  });
});

describe('notices', () => {
  test('each way of sending them needs both of its settings', () => {
    for (const [one, other] of [
      ['WEBHOOK_URL', 'WEBHOOK_SECRET'],
      ['SMTP_URL', 'MAIL_FROM'],
    ] as const) {
      assertProblem({ [one]: notices[one] }, new RegExp(`^${other} is missing, and ${one} needs it`));
      assertProblem({ [other]: notices[other] }, new RegExp(`^${one} is missing, and ${other} needs it`));
    }
  });

  test('a webhook is https, or http on this machine, and carries no credentials', () => {
    const urlOf = (url: string) => readConfig({ ...notices, WEBHOOK_URL: url }).webhook?.url;
    assert.equal(urlOf('http://127.0.0.1:9000/hook'), 'http://127.0.0.1:9000/hook');
    assert.equal(urlOf('http://[::1]:9000'), 'http://[::1]:9000/');
    assert.equal(urlOf('https://10.0.0.5:8443/hook'), 'https://10.0.0.5:8443/hook');
    for (const [url, pattern] of [
      ['http://10.0.0.5/hook', /write one with https/],
      ['http://127.0.0.1.example.com', /write one with https/],
      ['https://me:hunter2@hooks.example.com', /user name or password/],
      ['https://hooks.example.com/#x', /not understood/],
      ['https://hooks.example.com./', /not understood/],
      ['ftp://hooks.example.com', /not understood/],
    ] as const) {
      assertProblem({ ...notices, WEBHOOK_URL: url }, pattern);
      assert.ok(
        !problemsOf({ ...notices, WEBHOOK_URL: url })
          .join()
          .includes('hunter2'),
      );
    }
  });

  test('a webhook secret is random bytes in base64, and is not repeated', () => {
    for (let round = 0; round < 200; round += 1) {
      const secret = randomBytes(24 + (round % 41));
      const text = secret.toString('base64');
      for (const value of [text, `whsec_${text}`, text.replace(/=+$/, '')]) {
        assert.deepEqual(readConfig({ ...notices, WEBHOOK_SECRET: value }).webhook?.secret, secret);
      }
    }
    for (const value of [
      randomBytes(23).toString('base64'),
      randomBytes(65).toString('base64'),
      Buffer.alloc(32, 7).toString('base64'),
      Buffer.from('changeme-changeme-changeme').toString('base64'),
      'whsec_',
      `whsec_whsec_${webhookSecret.toString('base64')}`,
      `${webhookSecret.toString('base64')}!`,
      'ÿ'.repeat(32),
    ]) {
      assertProblem({ ...notices, WEBHOOK_SECRET: value }, /openssl rand -base64 32/);
      assert.ok(
        !problemsOf({ ...notices, WEBHOOK_SECRET: value })
          .join()
          .includes(value.slice(6) || '\0'),
      );
    }
  });

  test('a mail server is a host with an optional sign-in and nothing that loosens the connection', () => {
    for (const url of [
      'smtp://localhost',
      'smtps://mail.example.com',
      'smtp://[::1]:2525',
      'smtp://u:p@10.0.0.5:25/',
    ]) {
      assert.equal(readConfig({ ...notices, SMTP_URL: url }).mail?.smtpUrl, url);
    }
    for (const url of [
      'http://mail.example.com',
      'smtp://',
      'smtp:mail.example.com',
      'smtp://mail_/x',
      'smtp://u:hunter2@mail.example.com/path',
      'smtp://u:hunter2@mail.example.com?tls.rejectUnauthorized=false',
      'smtp://u:hunter2@mail.example.com#x',
      'smtp://u:hunter2%@mail.example.com',
      'smtp://hunter2@mail.example.com',
      'smtp://u:hunter2@ma il.example.com',
      'smtp://u:hunter2@mail.example.com:99999',
    ]) {
      assertProblem({ ...notices, SMTP_URL: url }, /^SMTP_URL .*smtp:\/\/user:password@mail\.example\.com/);
      assert.ok(
        !problemsOf({ ...notices, SMTP_URL: url })
          .join()
          .includes('hunter2'),
      );
    }
  });

  test('a sender is one address, with or without a name', () => {
    const senderOf = (from: string) => readConfig({ ...notices, MAIL_FROM: from }).mail?.from;
    assert.equal(senderOf('consentry@example.com'), 'consentry@example.com');
    assert.equal(senderOf('Contoso, Inc.<a@example.com>'), 'Contoso, Inc. <a@example.com>');
    for (const from of ['a@b, c@d', 'A <a@b> <c@d>', '"A" <a@b>', 'A\r\nBcc: c@d <a@b>', '<a@b', 'A\u202eB <a@b>']) {
      assertProblem({ ...notices, MAIL_FROM: from }, /^MAIL_FROM /);
    }
  });
});

test('all problems are reported at once, one line each', () => {
  const wrong = {
    ISSUER: 'nonsense://',
    HOST: 'not a host',
    PORT: '0',
    DATABASE_URL: 'sqlite:',
    MASTER_KEY: 'abc',
    ADMIN_EMAIL: '@',
    ADMIN_PASSWORD: 'x',
    DEMO: 'maybe',
    DEMO_PORT: '99999',
    LOG_LEVEL: 'loud',
    TRUSTED_PROXIES: '10.0.0.0/33',
    OUTBOUND_PROXY: 'socks5://x',
    OUTBOUND_CA_FILE: '/no/such/file',
    OUTBOUND_ALLOW: 'https://x.example',
    BRAND_NAME: 'a\u202eb',
    SUPPORT_URL: 'javascript:alert(1)',
    WEBHOOK_URL: 'http://hooks.example.com',
    WEBHOOK_SECRET: 'changeme',
    SMTP_URL: 'mail.example.com',
    MAIL_FROM: 'Consentry',
    REFRESH_GRACE_SECONDS: '301',
    NODE_ENV: 'PRODUCTION',
  };
  const named = problemsOf(wrong).map((problem) => problem.split(' ')[0]);
  assert.deepEqual([...named].sort(), Object.keys(wrong).sort());
});

test('trusting every address as a proxy is refused', () => {
  assertProblem({ TRUSTED_PROXIES: '0.0.0.0/0' }, /everyone/);
  assertProblem({ TRUSTED_PROXIES: '::/0' }, /everyone/);
});

test('two servers on one port are refused', () => {
  assertProblem({ PORT: '9728' }, /DEMO_PORT/);
  assert.equal(readConfig({ PORT: '9728', DEMO: 'off' }).port, 9728);
});

test('.env.example names exactly the settings that are read, all of them commented out', () => {
  const text = readFileSync(new URL('../.env.example', import.meta.url), 'utf8');
  const named = [...text.matchAll(/^# ([A-Z_]+)=/gm)].map(([, name]) => name);
  assert.deepEqual([...named].sort(), [...configKeys].sort());
  assert.doesNotMatch(text, /^[^#\n]/m);
});
