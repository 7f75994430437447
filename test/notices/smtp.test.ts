/** Notices to people, over real SMTP (RFC 5321) to a mail server on loopback. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { createSinks } from '../../src/notices/sinks.ts';
import { testCaFile } from '../https-stub.ts';
import { connected, ISSUER, type Outbox, openOutbox, requested } from './fixture.ts';
import { type ReceivedMail, readHeader, type SmtpServer, startSmtpServer } from './smtp-server.ts';

const FROM = 'Contoso, Inc. <consentry@contoso.test>';

describe('a mail', () => {
  let outbox: Outbox;
  let server: SmtpServer | undefined;
  before(async () => {
    outbox = await openOutbox();
  });
  after(() => outbox?.close());
  beforeEach(() => outbox.empty());
  afterEach(() => server?.close());

  async function start(options: Parameters<typeof startSmtpServer>[0] = {}): Promise<SmtpServer> {
    server = await startSmtpServer(options);
    return server;
  }

  function delivery(smtpUrl: string, settings: { outboundCaFile?: string } = {}) {
    return outbox.delivery(createSinks({ issuer: ISSUER, mail: { smtpUrl, from: FROM }, ...settings }, outbox.now));
  }

  async function send(notice = connected): Promise<ReceivedMail> {
    const { port, mails } = await start();
    await outbox.notices('smtp').appConnected(notice);
    assert.equal(await delivery(`smtp://127.0.0.1:${port}`).deliver(), 1);
    const [only, ...more] = mails;
    assert.ok(only);
    assert.deepEqual(more, []);
    return only;
  }

  const all = ({ headers }: ReceivedMail, name: string) =>
    headers.filter(([one]) => one === name).map(([, value]) => value);

  test('reaches the person in two languages, as plain text that answers itself to nobody', async () => {
    const mail = await send();
    const [row] = await outbox.rows();
    assert.deepEqual([mail.from, mail.to], ['consentry@contoso.test', ['ana@contoso.test']]);
    assert.deepEqual(all(mail, 'from'), ['"Contoso, Inc." <consentry@contoso.test>']);
    assert.deepEqual(all(mail, 'to'), ['ana@contoso.test']);
    assert.deepEqual(all(mail, 'message-id'), [`<${row?.id}@contoso.test>`]);
    assert.deepEqual(all(mail, 'auto-submitted'), ['auto-generated']);
    assert.deepEqual(
      all(mail, 'date').map((date) => new Date(date)),
      [connected.at],
    );
    assert.deepEqual(all(mail, 'content-type'), ['text/plain; charset=utf-8']);
    assert.deepEqual(all(mail, 'x-mailer'), []);
    const [subject = ''] = all(mail, 'subject');
    assert.equal(
      readHeader(subject),
      'Consentry: “Claude” is connected to your account / 「Claude」がアカウントに接続されました',
    );
    assert.match(mail.text, /^A new app is connected to your account\.$/m);
    assert.match(mail.text, /^あなたのアカウントに新しいアプリが接続されました。$/m);
    assert.match(mail.text, /・メールを読む/);
    assert.deepEqual(server?.commands[0], 'EHLO auth.contoso.test');
  });

  test('is not rewritten by what a client calls itself: no header, no second mail, no link', async () => {
    const clientName =
      'Claude\r\nBcc: mallory@evil.example\r\n\r\n.\r\nMAIL FROM:<x@evil.example>\r\nhttps://evil.example/';
    const mail = await send({ ...connected, clientName, redirectHost: `evil.example\r\nBcc: mallory@evil.example` });
    const usual = ['from', 'to', 'subject', 'message-id', 'content-transfer-encoding', 'date', 'mime-version'];
    assert.deepEqual(mail.headers.map(([name]) => name).sort(), [...usual, 'content-type', 'auto-submitted'].sort());
    assert.deepEqual(mail.to, ['ana@contoso.test']);
    assert.deepEqual(server?.commands.filter((line) => /^(MAIL|RCPT)/.test(line)).length, 2);
    assert.doesNotMatch(mail.text, /^Bcc|evil\.example|https:\/\/(?!auth\.contoso\.test)/m);
    assert.doesNotMatch(readHeader(all(mail, 'subject').join()), /[\r\n]|evil\.example/);
  });

  test('that failed is sent again under the same Message-ID', async () => {
    let busy = true;
    const { port, mails } = await start({
      answer: (line) => (busy && line.startsWith('RCPT') ? '451 <ana@contoso.test> later' : undefined),
    });
    await outbox.notices('smtp').appConnected(connected);
    assert.equal(await delivery(`smtp://127.0.0.1:${port}`).deliver(), 0);
    const [row] = await outbox.rows();
    assert.equal(row?.lastError, 'EENVELOPE 451');
    assert.doesNotMatch(outbox.logged.join(), /contoso/);
    busy = false;
    outbox.passMinutes(1);
    assert.equal(await delivery(`smtp://127.0.0.1:${port}`).deliver(), 1);
    assert.deepEqual(all(mails[0] as ReceivedMail, 'message-id'), [`<${row?.id}@contoso.test>`]);
  });

  test('to somebody whom the mail server refuses for good is given up', async () => {
    const { port } = await start({
      answer: (line) => (line.startsWith('RCPT') ? '550 5.1.1 no such user' : undefined),
    });
    await outbox.notices('smtp').appConnected(connected);
    await delivery(`smtp://127.0.0.1:${port}`).deliver();
    const [row] = await outbox.rows();
    assert.ok(row?.failedAt);
    assert.equal(row.lastError, 'EENVELOPE 550');
  });

  test('waits where the password is wrong, which the operator can mend, and the password is nowhere to be read', async () => {
    const { port } = await start({
      extensions: ['AUTH PLAIN'],
      answer: (line) => (line.startsWith('AUTH') ? '535 hunter2 is wrong' : undefined),
    });
    await outbox.notices('smtp').appConnected(connected);
    await delivery(`smtp://ana:hunter2%40@127.0.0.1:${port}`).deliver();
    const [row] = await outbox.rows();
    assert.equal(row?.lastError, 'EAUTH 535');
    assert.equal(row.failedAt, null);
    assert.doesNotMatch(outbox.logged.join(), /hunter2/);
    const [, credentials = ''] = /^AUTH PLAIN (.*)$/.exec(server?.commands[1] ?? '') ?? [];
    assert.equal(Buffer.from(credentials, 'base64').toString(), '\0ana\0hunter2@');
  });

  test('leaves this machine encrypted or not at all, and no password before it', async () => {
    // Loopback in a form that is not taken for this machine.
    for (const extensions of [[], ['AUTH PLAIN'], ['STARTTLS', 'AUTH PLAIN']]) {
      const { port, mails, commands, close } = await startSmtpServer({ extensions });
      await outbox.empty();
      await outbox.notices('smtp').appConnected(connected);
      assert.equal(await delivery(`smtp://ana:hunter2@[::ffff:127.0.0.1]:${port}`).deliver(), 0);
      assert.match((await outbox.rows())[0]?.lastError ?? '', /^ETLS/);
      assert.deepEqual(mails, []);
      assert.ok(
        commands.every((line) => /^(EHLO|STARTTLS)/.test(line)),
        commands.join(),
      );
      await close();
    }
  });

  test('goes over TLS from the start with smtps, to a server whose certificate is checked', async () => {
    const { port, mails } = await start({ secure: true });
    await outbox.notices('smtp').appConnected(connected);
    assert.equal(await delivery(`smtps://localhost:${port}`).deliver(), 0);
    assert.match((await outbox.rows())[0]?.lastError ?? '', /^(ESOCKET|ETLS) /);
    outbox.passMinutes(1);
    assert.equal(await delivery(`smtps://localhost:${port}`, { outboundCaFile: testCaFile }).deliver(), 1);
    assert.equal(mails.length, 1);
  });

  test('to each approver is one of its own: nobody reads who else was asked', async () => {
    const { port, mails } = await start();
    outbox.people.set('cy', { id: 'cy', email: 'cy@contoso.test' });
    outbox.approvers.ids = ['bo', 'cy', 'root'];
    await outbox.notices('smtp').approvalRequested(requested);
    assert.equal(await delivery(`smtp://localhost:${port}`).deliver(), 2);
    assert.deepEqual(mails.map(({ to }) => to.join()).sort(), ['bo@contoso.test', 'cy@contoso.test']);
    for (const { raw, text, to } of mails) {
      assert.ok(!raw.includes(to.join() === 'bo@contoso.test' ? 'cy@' : 'bo@'));
      assert.match(text, /They wrote: “For the quarterly report”/);
      assert.match(text, /申請番号：req_1/);
    }
  });

  test('is ended with the server that sends it, and waits for the next', async () => {
    const { port, commands } = await start({ answer: (line) => (line.startsWith('MAIL') ? '' : undefined) });
    await outbox.notices('smtp').appConnected(connected);
    const sinks = createSinks(
      { issuer: ISSUER, mail: { smtpUrl: `smtp://127.0.0.1:${port}`, from: FROM } },
      outbox.now,
    );
    const delivering = outbox.delivery(sinks).deliver();
    while (!commands.some((line) => line.startsWith('MAIL'))) await new Promise(setImmediate);
    sinks.smtp?.close();
    assert.equal(await delivering, 0);
    assert.equal((await outbox.rows())[0]?.lastError, 'EABORT');
  });
});
