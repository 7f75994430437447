/** Audiences good and bad for one resource (RFC 8707 §2, RFC 9068 §3), for the guard and for whoever issues tokens to it. */

export type AudienceVector = { resource: string; aud: unknown; good: boolean; because: string };

const resource = 'https://notes.example.com/mcp';

export const audienceVectors: readonly AudienceVector[] = [
  { resource, aud: resource, good: true, because: 'it is the resource' },
  { resource, aud: [resource], good: true, because: 'an array of one is one' },
  { resource, aud: [resource, 'https://other.example.com/mcp'], good: false, because: 'two audiences, one of them us' },
  { resource, aud: [resource, resource], good: false, because: 'the same audience twice' },
  { resource, aud: [], good: false, because: 'nobody' },
  { resource, aud: undefined, good: false, because: 'missing' },
  { resource, aud: null, good: false, because: 'null' },
  { resource, aud: '', good: false, because: 'empty' },
  { resource, aud: 7, good: false, because: 'a number' },
  { resource, aud: { [resource]: true }, good: false, because: 'an object' },
  { resource, aud: [[resource]], good: false, because: 'an array within an array' },
  { resource, aud: 'https://other.example.com/mcp', good: false, because: 'another server' },
  { resource, aud: 'https://notes.example.com', good: false, because: 'the host without the path' },
  { resource, aud: `${resource}/`, good: false, because: 'a slash at the end of a path means another resource' },
  { resource, aud: `${resource}/admin`, good: false, because: 'a path below ours' },
  { resource, aud: `${resource}?a=b`, good: false, because: 'a query' },
  { resource, aud: `${resource}#a`, good: false, because: 'a fragment' },
  { resource, aud: 'https://notes.example.com/MCP', good: false, because: 'other letters in the path' },
  { resource, aud: 'https://NOTES.example.com/mcp', good: false, because: 'capitals in the host' },
  { resource, aud: 'https://notes.example.com:443/mcp', good: false, because: 'a default port spelled out' },
  { resource, aud: 'https://notes.example.com:8443/mcp', good: false, because: 'another port' },
  { resource, aud: 'http://notes.example.com/mcp', good: false, because: 'another scheme' },
  { resource, aud: ` ${resource}`, good: false, because: 'a space before' },
  { resource, aud: `${resource} https://other.example.com/mcp`, good: false, because: 'a list in a string' },
  { resource, aud: 'https://notes.example.com/*', good: false, because: 'a wildcard' },
  { resource, aud: 'client-1', good: false, because: 'the client, as in an ID token' },
  { resource, aud: '00000003-0000-0000-c000-000000000000', good: false, because: 'a token for another API' },
  { resource: 'https://h.example', aud: 'https://h.example/', good: true, because: 'a host has one root' },
  { resource: 'https://h.example/', aud: 'https://h.example', good: true, because: 'a host has one root' },
  { resource: 'https://h.example', aud: 'https://h.example//', good: false, because: 'two slashes' },
  { resource: 'https://h.example/mcp/', aud: 'https://h.example/mcp', good: false, because: 'ours has the slash' },
  { resource: 'https://h.example/mcp/', aud: 'https://h.example/mcp/', good: true, because: 'it is the resource' },
];
