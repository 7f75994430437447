/** Where a person's own pages are. */
export const PASSWORD = '/account';
export const WAYS_IN = '/account/ways-in';
