/** `consentry client import-document`: a metadata document from a file, where its host cannot be reached from here. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { displayName } from '../clients/display-name.ts';
import { MAX_DOCUMENT_BYTES } from '../clients/document-content.ts';
import { createDocumentImport } from '../clients/document-import.ts';
import { createMetadataPolicy } from '../clients/metadata-policy.ts';
import { AppError } from '../errors.ts';
import { withRooms } from './open.ts';
import { examples } from './options.ts';
import type { Terminal } from './terminal.ts';

const EXPLANATION = `
For a client whose host cannot be reached from here, or refuses to answer here. Fetch the document with a browser, read
it, and save it unchanged. It is checked as if its host had answered with it, and used while the host fails, without an
end. The host is still asked, once a minute at most; as soon as it answers properly its own document is used again.`;

export function documentCommands(client: Command, terminal: Terminal): void {
  client
    .command('import-document')
    .description('take a metadata document from a file')
    .argument('<url>', 'the client_id: where the document is published, exactly as the client writes it')
    .argument('[file]', 'the document as it is published')
    .option('--remove', 'use what was imported for this URL no more')
    .addHelpText('after', EXPLANATION)
    .addHelpText(
      'after',
      examples(
        'client import-document https://app.example.com/client.json client.json',
        'client import-document https://app.example.com/client.json --remove',
      ),
    )
    .action((url: string, file: string | undefined, options: { remove?: boolean }) =>
      options.remove ? remove(terminal, url, file) : add(terminal, url, file),
    );
}

async function add(terminal: Terminal, url: string, file: string | undefined): Promise<void> {
  if (file === undefined) throw new AppError('bad_input', 400, 'Name the file that holds the document.');
  const content = await readStart(file);
  await withDocumentImport(terminal, async (documents) => {
    const { document, changed } = await documents.add(url, content);
    terminal.out(`Imported ${displayName(document.client_name) || url}.`);
    if (changed.length === 0) return;
    terminal.out(`It differs from the document that people here agreed to, in ${changed.join(', ')}.`);
    terminal.out('Where that matters they are asked again.');
  });
}

async function remove(terminal: Terminal, url: string, file: string | undefined): Promise<void> {
  if (file !== undefined) throw new AppError('bad_input', 400, 'With --remove there is no file to name.');
  await withDocumentImport(terminal, async (documents) => {
    await documents.remove(url);
    terminal.out(`Removed. From now on only what the host of ${url} answers counts.`);
  });
}

function withDocumentImport(
  terminal: Terminal,
  work: (documents: ReturnType<typeof createDocumentImport>) => Promise<void>,
): Promise<void> {
  return withRooms(terminal, (rooms, { issuer }) =>
    work(createDocumentImport({ ...rooms, copies: rooms.documents, policy: createMetadataPolicy({ issuer }) })),
  );
}

/** Of a file that is too long no more than tells so. */
async function readStart(path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path, { end: MAX_DOCUMENT_BYTES })) chunks.push(chunk);
  } catch (cause) {
    throw new AppError('bad_input', 400, `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  return Buffer.concat(chunks);
}
