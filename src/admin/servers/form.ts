/** Forms with several scopes: each a row of fields that have the same names, the last rows empty for more. */
import { type FieldOf, outermost } from '../frame/refused.ts';
import type { Visit } from '../frame/visit.ts';

/** As typed, for showing it again. */
export interface ScopeRow {
  name: string;
  description: string;
  descriptionJa: string;
  sensitivity: string;
  effect: string;
  /** With spaces or commas between them. */
  tools: string;
  remove: boolean;
  /** Its name stays. */
  known: boolean;
}

const EMPTY: ScopeRow = {
  ...{ name: '', description: '', descriptionJa: '', tools: '' },
  ...{ sensitivity: 'medium', effect: 'change', remove: false, known: false },
};

interface Described {
  name: string;
  description: string;
  descriptionJa?: string | null | undefined;
  sensitivity: string;
  effect: string;
  tools: readonly string[];
}

/** With one more, empty, for another scope. */
export function rowsOf(scopes: readonly Described[], { known }: { known: boolean }): ScopeRow[] {
  const rows = scopes.map(({ descriptionJa, tools, ...scope }) => ({
    ...scope,
    ...{ descriptionJa: descriptionJa ?? '', tools: tools.join(' '), remove: false, known },
  }));
  return [...rows, EMPTY];
}

export function readRows(visit: Visit): ScopeRow[] {
  const column = (field: string) => visit.fieldsOf(`scope.${field}`);
  const columns = ['description', 'descriptionJa', 'sensitivity', 'effect', 'tools', 'known'] as const;
  const [descriptions, japanese, sensitivities, effects, tools, known] = columns.map(column);
  const removed = column('remove');
  return column('name').map((name, index) => ({
    name: name.trim(),
    description: descriptions?.[index] ?? '',
    descriptionJa: japanese?.[index] ?? '',
    sensitivity: sensitivities?.[index] ?? '',
    effect: effects?.[index] ?? '',
    tools: tools?.[index] ?? '',
    remove: removed.includes(String(index)),
    known: known?.[index] === 'true',
  }));
}

/** What an operation takes; rows without a name are none. */
export function describedBy(rows: readonly ScopeRow[]) {
  return rows
    .filter(({ name, remove }) => name !== '' && !remove)
    .map(({ name, description, descriptionJa, sensitivity, effect, tools }) => ({
      ...{ name, description, sensitivity, effect },
      ...(descriptionJa.trim() === '' ? {} : { descriptionJa }),
      tools: tools.split(/[\s,]+/).filter(Boolean),
    }));
}

/** Where the fault of an operation on them was typed: it counts described scopes, or says the name of one. */
export function fieldOfRows(rows: readonly ScopeRow[]): FieldOf {
  const described = rows.filter(({ name, remove }) => name !== '' && !remove);
  return (member) => {
    if (member === 'scopes') return 'scope-0-name';
    const [, index, column] = /^(?:scopes|described)\.(\d+)\.(\w+)/.exec(member) ?? [];
    if (index !== undefined) return `scope-${rows.indexOf(described[Number(index)] as ScopeRow)}-${column}`;
    const [, part, name] = /^(name|description|descriptionJa|tools):(.*)$/s.exec(member) ?? [];
    const row = rows.findLastIndex((one) => one.name === name);
    return part === undefined || row < 0 ? outermost(member) : `scope-${row}-${part}`;
  };
}

export function removedBy(rows: readonly ScopeRow[]): string[] {
  return rows.filter(({ name, remove, known }) => name !== '' && remove && known).map(({ name }) => name);
}
