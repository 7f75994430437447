/**
 * Answers of an access review by one key each: j and k go to the next row and the one before, a, r and u press the row's
 * own buttons. Only while the focus is on a row, so that no key does anything where somebody types or looks elsewhere
 * (WCAG 2.2, 2.1.4). The page works without this file.
 */

const form = document.querySelector('[data-review-keys]');
const rows = form ? [...form.querySelectorAll('tbody tr')] : [];
const place = `consentry-review ${form?.dataset.reviewKeys}`;

function focusRow(index) {
  const row = rows[Math.max(0, Math.min(index, rows.length - 1))];
  row?.focus();
  row?.scrollIntoView({ block: 'nearest' });
}

/** The one button of the row for this key; where it has none, nothing happens. */
function press(row, key) {
  const button = row.querySelector(`button[data-key="${key}"]`);
  if (!button || form.dataset.sent) return;
  form.dataset.sent = 'true';
  sessionStorage.setItem(place, JSON.stringify([rows.indexOf(row), row.id]));
  button.click();
}

function onKey(event) {
  const row = event.target;
  if (!rows.includes(row) || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  const at = rows.indexOf(row);
  if (event.key === 'j') focusRow(at + 1);
  else if (event.key === 'k') focusRow(at - 1);
  else if (['a', 'r', 'u'].includes(event.key)) press(row, event.key);
  else return;
  event.preventDefault();
}

const legend = form?.querySelector('[data-keys-legend]');
if (legend) {
  for (const row of rows) row.tabIndex = -1;
  rows[0]?.setAttribute('tabindex', '0');
  legend.hidden = false;
  legend.querySelector('[data-keys-begin]').addEventListener('click', () => focusRow(0));
  form.addEventListener('keydown', onKey);
  // Back from an answer: on with the row that came in its place, or after it where it stays in the list.
  const [at, answered] = JSON.parse(sessionStorage.getItem(place) ?? '[]');
  sessionStorage.removeItem(place);
  if (at !== undefined) focusRow(rows[at]?.id === answered ? at + 1 : at);
  addEventListener('pageshow', () => {
    delete form.dataset.sent;
  });
}
