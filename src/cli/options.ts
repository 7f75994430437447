/** What commands share in how they are written. */

/** For an option that may be repeated. */
export function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** For the help of whatever takes access away. */
export const END_OF_TOKENS = `
Refresh tokens end at once. Access tokens do where the MCP server introspects them; elsewhere they run out within 10
minutes.`;

/** For a command's help. */
export function examples(...commands: string[]): string {
  return `\nExamples:\n${commands.map((command) => `  $ npx consentry ${command}`).join('\n')}`;
}
