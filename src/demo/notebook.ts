/** Everybody's notes, in memory and bounded: how many owners, how many notes each, how long a note. */

export type Note = { id: string; title: string; text: string };

export type Notebook = ReturnType<typeof createNotebook>;

export const noteLimits = { owners: 500, notesPerOwner: 50, titleLength: 200, textLength: 4000 } as const;

const welcome = { title: 'Welcome', text: 'This note came with the demo. Read it, change it or delete it.' };

/** `owner` is any string that is one per person or service; the owner idle longest is forgotten when there are too many. */
export function createNotebook() {
  const shelves = new Map<string, { notes: Map<string, Note>; nextNumber: number }>();

  function shelfOf(owner: string) {
    const shelf = shelves.get(owner) ?? { notes: new Map([['1', { id: '1', ...welcome }]]), nextNumber: 2 };
    shelves.delete(owner);
    shelves.set(owner, shelf);
    const [idle] = shelves.keys();
    if (shelves.size > noteLimits.owners && idle !== undefined) shelves.delete(idle);
    return shelf;
  }

  return Object.freeze({
    list: (owner: string): Note[] => [...shelfOf(owner).notes.values()],
    read: (owner: string, id: string): Note | undefined => shelfOf(owner).notes.get(id),

    /** Undefined when the owner has as many notes as allowed. */
    create(owner: string, { title, text }: { title: string; text: string }): Note | undefined {
      const shelf = shelfOf(owner);
      if (shelf.notes.size >= noteLimits.notesPerOwner) return undefined;
      const note = { id: String(shelf.nextNumber), title, text };
      shelf.nextNumber += 1;
      shelf.notes.set(note.id, note);
      return note;
    },

    /** Undefined when there is no such note. */
    update(
      owner: string,
      id: string,
      change: { title?: string | undefined; text?: string | undefined },
    ): Note | undefined {
      const { notes } = shelfOf(owner);
      const note = notes.get(id);
      if (note === undefined) return undefined;
      const changed = { id, title: change.title ?? note.title, text: change.text ?? note.text };
      notes.set(id, changed);
      return changed;
    },

    /** False when there is no such note. */
    delete: (owner: string, id: string): boolean => shelfOf(owner).notes.delete(id),
  });
}
