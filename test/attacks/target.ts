/** What an attack is made against: the address of an authorization server, and how a person answers its pages. */
import type { Page } from 'playwright-core';
import type { Person, Step } from '../person.ts';

export interface Target {
  issuer: string;
  /** An MCP server that tokens can be asked for, as its pages call it and as requests do. */
  resource: { name: string; uri: string };
  /** Another one. */
  other: { name: string; uri: string };
  /** Of `resource`: what it gives by default, and something more than that. */
  scopes: { usual: string; more: string };
  people: { victim: Who; attacker: Who };
  recipe: Recipe;
  operator: Operator;
}

/** One that lets people sign in at an upstream provider, where it has one client ID for everybody. */
export interface DeputyTarget extends Target {
  upstream: {
    /** Where it sends browsers back to. */
    callback: string;
    /** Authorization requests that reached the provider so far. */
    visits(): number;
    /** What the provider makes of a browser that is sent there, whose person is signed in and was asked long ago. */
    pass(url: URL): Promise<URL>;
    /** Who that person is from now on. */
    become(subject: string): void;
    /** Chooses the provider on a page of the kind `sign-in`. */
    choose(person: Person, page: Step): Promise<Step>;
    /** What is pressed for it in a real browser. */
    buttonIn(page: Page): ReturnType<Page['locator']>;
  };
}

export interface Who {
  /** As the pages call them. */
  email: string;
  password: string;
}

/**
 * - `sign-in`: asks who is there
 * - `consent`: asks for everything that is asked
 * - `confirm`: asks only whether to go on, under an earlier consent
 * - `ask`: an administrator has to be asked first
 * - `other`: nothing here says yes
 */
export type PageKind = 'sign-in' | 'consent' | 'confirm' | 'ask' | 'other';

/** How the forms of this server are filled in. */
export interface Recipe {
  kindOf(page: Pick<Step, 'status' | 'html'>): PageKind;
  signIn(person: Person, page: Step, who: Who): Promise<Step>;
  /** Says yes on a page of the kind `consent` or `confirm`. @param fields such as the boxes that stay ticked */
  agree(person: Person, page: Step, fields?: Record<string, string | string[]>): Promise<Step>;
  deny(person: Person, page: Step): Promise<Step>;
  /** "That is not me." */
  switchAccount(person: Person, page: Step): Promise<Step>;
  /** Signs out of the server itself. */
  signOut(person: Person): Promise<void>;
  /** Name of the field that proves that a form is the server's own. */
  token: string;
  /** Name of the box of a scope. */
  scopeBox: string;
  /** The same in a real browser. */
  chromium: {
    signIn(page: Page, who: Who): Promise<void>;
    agree(page: Page): Promise<void>;
    signOut(page: Page): Promise<void>;
    /** Whatever on this page would say yes; none is focused or pressed by it. */
    yes(page: Page): ReturnType<Page['locator']>;
  };
}

/** Whom an operator trusts. */
export interface Rule {
  clientHost?: string;
  redirectHost?: string;
  softwareId?: string;
}

/** What whoever runs the server does meanwhile. */
export interface Operator {
  /** Makes a client with a secret. */
  addClient(client: {
    name: string;
    kind: 'app' | 'proxy';
    redirectUris: readonly string[];
    deviceFlow?: boolean;
  }): Promise<{ clientId: string; clientSecret: string }>;
  /** The metadata document that a host which is not reached from here publishes. */
  publish(url: string, document: Record<string, unknown>): Promise<void>;
  /** Takes back what this person agreed to with this client. */
  revoke(who: Who, clientId: string): Promise<void>;
  /** Only what the rule says may connect; everything else waits for an administrator. @returns takes the rule back */
  admitOnly(rule: Rule): Promise<() => Promise<void>>;
  /** An administrator allows everything that waits. */
  allowWaiting(): Promise<void>;
  /** How many rows the record of what happened has. */
  recordSize(): Promise<number>;
  /** A scope of `resource` now reads otherwise, and somebody responsible accepted that. */
  reword(scope: string, description: string): Promise<void>;
}
