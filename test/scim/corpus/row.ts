/** One thing that a directory does, request by request. */

export interface Step {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `{user}`, `{other}`, `{group}` and `{oid}` stand for ids, here and in bodies and expectations. */
  path: string;
  body?: unknown;
  status: number;
  /** Has to be in the answer; null: must not be there. */
  has?: unknown;
}

export interface Row {
  title: string;
  steps: readonly Step[];
}
