/** Where a directory's request stops being one (threat 98). */

export const limits = {
  bodyBytes: 1024 * 1024,
  /** Objects and arrays within each other. */
  bodyDepth: 8,
  operations: 1000,
  /** That one request may name. */
  members: 2000,
  /** That one group may have, and that one answer may list. */
  groupMembers: 50_000,
  filterCharacters: 2000,
  filterComparisons: 50,
  filterDepth: 8,
  pathCharacters: 500,
  /** userName, externalId, displayName of a group: they stand in indexes. */
  nameCharacters: 256,
  /** Of one attribute with several. */
  values: 50,
  /** All of one person's attributes as JSON. */
  userBytes: 64 * 1024,
  page: 200,
  defaultPage: 100,
} as const;
