/** Identity providers: to see how they do, to try them, and for owners to change them. */
import { type ConnectionChangeDeps, changeOperations } from './changes.ts';
import { type ConnectionReadingDeps, readingOperations } from './reading.ts';
import { type TestingDeps, testingOperations } from './testing.ts';
import { type TokenOperationDeps, tokenOperations } from './tokens.ts';

export type ConnectionOperationDeps = ConnectionReadingDeps & TestingDeps & ConnectionChangeDeps & TokenOperationDeps;

export function connectionOperations(deps: ConnectionOperationDeps) {
  return {
    ...readingOperations(deps),
    ...testingOperations(deps),
    ...changeOperations(deps),
    ...tokenOperations(deps),
  };
}

export type ConnectionOperations = ReturnType<typeof connectionOperations>;
