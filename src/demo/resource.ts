/** The demo MCP server as Consentry registers it: its canonical URI, its scopes, and the tools behind them. */

export type DemoScope = {
  name: string;
  description: string;
  descriptionJa: string;
  sensitivity: 'low' | 'medium' | 'high';
  effect: 'read' | 'change' | 'act';
  tools: readonly string[];
};

export type DemoResource = { uri: string; name: string; scopes: readonly DemoScope[] };

export const demoScopes = [
  {
    name: 'notes:read',
    description: 'Read your notes',
    descriptionJa: 'メモを読む',
    sensitivity: 'low',
    effect: 'read',
    tools: ['list_notes', 'read_note'],
  },
  {
    name: 'notes:write',
    description: 'Create and change your notes',
    descriptionJa: 'メモを作成・変更する',
    sensitivity: 'medium',
    effect: 'change',
    tools: ['create_note', 'update_note'],
  },
  {
    name: 'notes:delete',
    description: 'Delete your notes for good',
    descriptionJa: 'メモを完全に削除する',
    sensitivity: 'high',
    effect: 'act',
    tools: ['delete_note'],
  },
] as const satisfies readonly DemoScope[];

/** `port` is the one the demo server listens on; it is reached under 127.0.0.1 whatever address it is bound to. */
export function demoResource(port: number): DemoResource {
  return { uri: `http://127.0.0.1:${port}/mcp`, name: 'Demo notes', scopes: demoScopes };
}
