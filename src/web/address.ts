/** An e-mail address or a host in a narrow place: where it has to be broken, it is at its @ and its dots. */
import { escapeHtml } from './messages.ts';

/** Shorter ones stay whole, and as one text for who searches the page. */
const WHOLE_CHARACTERS = 32;
/** One word without a dot must be broken somewhere, or it would be wider than the page. */
const PART = /[@.]?[^@.]{1,24}|[@.]/gu;

const ADDRESS = /^[^\s@]+@[^\s@]+$|^[\w-]+(?:\.[\w-]+)+$/;

/** HTML of what somebody is called: whatever is no address is broken as any text is. */
export function addressHtml(text: string): string {
  if (!ADDRESS.test(text)) return `<bdi>${escapeHtml(text)}</bdi>`;
  const parts = text.length > WHOLE_CHARACTERS ? (text.match(PART) ?? [text]) : [text];
  return `<bdi class="address">${parts.map(escapeHtml).join('<wbr>')}</bdi>`;
}
