/** What somebody said no to, and whom they want to hear no more of. */

/** Whose requests are counted together: a client, or for clients that prove nothing what their registrations have in common. */
export interface RefusalSubject {
  accountId: string;
  subjectKey: string;
  resourceId: string;
}

export interface Block extends RefusalSubject {
  id: string;
  clientId: string;
  clientName: string;
  createdAt: Date;
}
