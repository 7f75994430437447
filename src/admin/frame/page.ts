/** A page of the dashboard: its template, with the type of what the template needs to know. */

/** `Model` is only for the compiler. */
export interface Page<Model extends object> {
  /** Below `views/`. */
  template: string;
  readonly model?: Model;
}

export function page<Model extends object>(template: string): Page<Model> {
  return { template };
}
