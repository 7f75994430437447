/** The tools of the demo MCP server: five, behind three scopes. */
import { type CallToolResult, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';
import type { Verifier } from '../guard/index.ts';
import { type Note, type Notebook, noteLimits } from './notebook.ts';
import type { demoScopes } from './resource.ts';

export type DemoVerifier = Verifier<(typeof demoScopes)[number]['name']>;

export type DemoToolsParts = { notebook: Notebook; guard: DemoVerifier; owner: string };

const id = z.string().min(1).max(20).describe('The id of a note, as list_notes gives it');
const title = z.string().trim().min(1).max(noteLimits.titleLength);
const text = z.string().max(noteLimits.textLength);

/** A server for one request: it sees the notes of `owner` alone. */
export function createDemoTools({ notebook, guard, owner }: DemoToolsParts): McpServer {
  const server = new McpServer({ name: 'consentry-demo-notes', title: 'Demo notes', version: '1.0.0' });
  const reading = { annotations: { readOnlyHint: true }, scopeChallenge: guard.needs('notes:read') };
  const writing = { annotations: { destructiveHint: false }, scopeChallenge: guard.needs('notes:write') };
  const deleting = { annotations: { destructiveHint: true }, scopeChallenge: guard.needs('notes:delete') };

  server.registerTool(
    'list_notes',
    { title: 'List notes', description: 'Ids and titles of your notes', ...reading },
    () => answer(notebook.list(owner).map((note) => ({ id: note.id, title: note.title }))),
  );
  server.registerTool(
    'read_note',
    { title: 'Read a note', description: 'One note in full', inputSchema: z.object({ id }), ...reading },
    (args) => {
      const note = notebook.read(owner, args.id);
      return note ? answer(note) : failure(noSuchNote);
    },
  );
  server.registerTool(
    'create_note',
    { title: 'Create a note', description: 'Writes a new note', inputSchema: z.object({ title, text }), ...writing },
    (args) => changed(notebook.create(owner, args), `${noteLimits.notesPerOwner} notes are the limit`),
  );
  server.registerTool(
    'update_note',
    {
      title: 'Change a note',
      description: 'Replaces title or text of a note',
      inputSchema: z.object({ id, title: title.optional(), text: text.optional() }),
      ...writing,
    },
    (args) => changed(notebook.update(owner, args.id, args), noSuchNote),
  );
  server.registerTool(
    'delete_note',
    { title: 'Delete a note', description: 'Deletes a note for good', inputSchema: z.object({ id }), ...deleting },
    (args) => (notebook.delete(owner, args.id) ? answer({ deleted: args.id }) : failure(noSuchNote)),
  );
  return server;
}

const noSuchNote = 'There is no such note; list_notes gives the ids';

/** Tells the id alone: to change a note is not yet to read it. */
function changed(note: Note | undefined, otherwise: string): CallToolResult {
  return note ? answer({ id: note.id }) : failure(otherwise);
}

function answer(value: unknown): CallToolResult {
  return { content: [{ type: 'text', text: JSON.stringify(value, null, 2) }] };
}

function failure(message: string): CallToolResult {
  return { isError: true, content: [{ type: 'text', text: message }] };
}
