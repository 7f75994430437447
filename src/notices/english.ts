/** The words of the mails in English. */
import type { Words } from './words.ts';

export const en: Words = {
  language: 'en',
  quote: (text) => `“${text}”`,
  field: (label, value) => `${label}: ${value}`,
  heading: (label) => `${label}:`,
  item: (text) => `  - ${text}`,
  more: (count) => `and ${count} more`,
  moment: (time) => `${time} (UTC)`,
  describe: ({ description }) => description,
  standard: {
    openid: 'Recognize you when you come back',
    profile: 'See your name',
    email: 'See your e-mail address',
    offline_access: 'Stay connected while you are away',
  },
  nameless: 'an app without a name',
  selfNamed: (app) => `${app} (this is what it calls itself)`,
  app: 'App',
  through: 'Through',
  server: 'Server',
  who: 'Who asks',
  returns: 'Sends you back to',
  device: 'nowhere: it runs on another device',
  thisComputer: (host) => `a program on the computer that was used (${host})`,
  thisDevice: (scheme) => `an app on the device that was used, by its ${scheme} links`,
  asksFor: 'What the app asks for',
  may: 'What it may do',
  when: 'When',
  reason: 'They wrote',
  note: 'The administrator wrote',
  request: 'Request',
  permission: 'Permission',
  before: 'It reads now',
  after: 'It would read',
  withTools: (sentence, tools) => `${sentence}, with these tools: ${tools}`,
  automatic: 'This mail was sent automatically.',
  requestedSubject: (app) => `somebody asks to use ${app}`,
  requested: "Somebody asks to use an app that needs an administrator's approval.",
  decide: (requestId) =>
    `To decide, begin where the server is installed with this command: npx consentry approvals show ${requestId}`,
  approved: {
    subject: (app) => `you may use ${app} now`,
    what: 'An administrator approved the app that you asked for.',
    next: 'Connect again from the app. You will see once more what it may do before it is connected.',
  },
  denied: {
    subject: (app) => `your request to use ${app} was turned down`,
    what: 'An administrator turned down the app that you asked for. It is not connected.',
    next: 'If you have questions, ask the people who run this server.',
  },
  expired: {
    subject: (app) => `your request to use ${app} is over`,
    what: 'No administrator decided in time on the app that you asked for. It is not connected.',
    next: 'If you still need it, connect again from the app and ask once more.',
  },
  confirmSubject: (app) => `${app} needs a second approval`,
  confirm: 'Somebody who decides approved an app. Nothing is approved until another of you confirms the same.',
  firstBy: 'Approved first by',
  terms: 'For',
  termsOf: ({ audience, days }) => {
    const whom = audience === 'everyone' ? 'everyone who uses the app' : 'the person who asks';
    return `${whom}, ${days} ${days === 1 ? 'day' : 'days'}`;
  },
  connectedSubject: (app) => `${app} is connected to your account`,
  connected: 'A new app is connected to your account.',
  itWasYou: 'If you approved this, there is nothing to do.',
  itWasNotYou:
    'If it was not you, tell the people who run this server at once. They can disconnect the app and see what happened.',
  account: 'Account',
  connection: 'Sign-in service',
  breakGlassSubject: (email) => `emergency sign-in by ${email}`,
  breakGlass: 'Somebody signed in with the password of an emergency account, around the sign-in service.',
  breakGlassNext:
    'If nobody had a reason to do this, disable the account at once: npx consentry account disable. The record says what was done with it.',
  leaverSubject: (email) => `${email} was to lose access, and did not`,
  leaver: {
    last_owner: {
      what: 'A sign-in service or directory says that this person left. Nobody else could administer this server, so they still can.',
      next: 'If they left, add another owner and disable this account: npx consentry account add, then account disable.',
    },
    break_glass: {
      what: 'A sign-in service or directory says that the holder of an emergency account left. Emergency accounts are only ended by hand.',
      next: 'If they left, disable the account or give its password to somebody else: npx consentry account --help.',
    },
  },
  linked: {
    subject: (connection) => `you can sign in with ${connection} too`,
    what: 'A way to sign in was added to your account.',
    next: 'If it was not you, tell the people who run this server at once: whoever added it can sign in as you.',
  },
  unlinked: {
    subject: (connection) => `you no longer sign in with ${connection}`,
    what: 'A way to sign in was removed from your account.',
    next: 'If it was not you, tell the people who run this server at once.',
  },
  alarmSubject: (connection) => `sign-in by ${connection} needs you`,
  alarm: {
    credential_ends: {
      what: 'The secret or certificate by which we prove ourselves to a sign-in service ends soon. After that nobody can sign in by it.',
      next: 'Make a new one there, then where the server is installed: npx consentry connection update',
    },
    credential_ended: {
      what: 'The secret or certificate by which we prove ourselves to a sign-in service has ended. Nobody can sign in by it.',
      next: 'Make a new one there, then where the server is installed: npx consentry connection update',
    },
    misconfigured: {
      what: 'A sign-in service refuses us: it does not know our credential, or we are not set up there as we should be.',
      next: 'What is wrong is told where the server is installed by: npx consentry connection test',
    },
    scim_silent: {
      what: 'A directory that used to tell us of people who come and leave has not been heard of for a day. Who leaves there may keep access here.',
      next: 'See the provisioning log of the directory; it stops after too many errors.',
    },
    scim_person_changed: {
      what: 'A directory tried to give the account of one person to another, by a different externalId. It was refused and nothing changed.',
      next: 'If nobody there meant to do this, revoke its token at once: npx consentry scim token revoke',
    },
    unusable: {
      what: 'The settings of a sign-in service cannot be used as they are stored. Nobody can sign in by it.',
      next: 'What is wrong is told where the server is installed by: npx consentry connection list',
    },
  },
  said: 'In its words',
  proposedSubject: (resource) => `a permission of ${resource} would read differently`,
  proposed: 'An MCP server describes one of its permissions differently. Until this is decided, no app can use it.',
  acceptOrReject:
    'These commands, where the server is installed, show and decide it: npx consentry resource show, resource accept, resource reject',
  endedSubject: ({ app, server, count }) =>
    count === 1 ? `${app} no longer has access to ${server}` : `${count} apps that you allowed no longer have access`,
  ended: {
    administrator: 'An administrator took back what you had allowed.',
    review: 'In a review of who has access, what you had allowed was taken back or not confirmed in time.',
  },
  whatEnded: 'What ended',
  endedAt: (app, server) => `${app} at ${server}`,
  connectAgain:
    'If you still need it, connect again from the app. You will see once more what it may do before it is connected. If you have questions, ask the people who run this server.',
};
