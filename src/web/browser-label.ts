/** What a person calls the browser that they use, from what it says of itself (RFC 9110 §10.1.5). Proves nothing. */

/** In this order: most of them claim to be those that come after them too. */
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?\/|\bEdgiOS\//, 'Edge'],
  [/\bOPR\/|\bOPX\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\/|\bHeadlessChrome\//, 'Chrome'],
  [/\bVersion\/[\d.]+.*\bSafari\//, 'Safari'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b/, 'Linux'],
];
const MAX_CHARACTERS = 500;

/** "Chrome on Windows", "Firefox", "Linux", or '' where nothing is known. Only words of ours. */
export function browserLabel(userAgent: string): string {
  const said = userAgent.slice(0, MAX_CHARACTERS);
  const first = (known: typeof BROWSERS) => known.find(([pattern]) => pattern.test(said))?.[1];
  return [first(BROWSERS), first(SYSTEMS)].filter((part) => part !== undefined).join(' on ');
}

/** The two halves of a label, to be put together in the reader's language. */
export function partsOfLabel(label: string): { browser: string; system: string | undefined } {
  const [browser = '', system] = label.split(' on ');
  return { browser, system };
}
