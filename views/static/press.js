/**
 * One press counts, and only one that the person meant. The pages work without this file; with it, nothing is drawn
 * before it runs, because on a slow line a press would come first.
 */

const guardMs = 500;
const guarded = () => document.querySelectorAll('form[data-guarded] button:not([hidden])');
let openAt = 0;
let timer;

// A window that pops up under a double click, or under a key held down, takes no press for half a second.
function guard() {
  openAt = performance.now() + guardMs;
  for (const button of guarded()) button.setAttribute('aria-disabled', 'true');
  clearTimeout(timer);
  timer = setTimeout(release, guardMs);
}

function release() {
  for (const button of guarded()) button.removeAttribute('aria-disabled');
}

function tooEarly(form) {
  return form?.hasAttribute('data-guarded') && (document.hidden || performance.now() < openAt);
}

guard();
document.addEventListener('DOMContentLoaded', guard);
addEventListener('focus', guard);
addEventListener('pageshow', guard);
document.addEventListener('visibilitychange', guard);

document.addEventListener(
  'click',
  (event) => {
    const button = event.target.closest('button');
    if (!button || !tooEarly(button.form)) return;
    event.preventDefault();
    event.stopPropagation();
  },
  true,
);

// The second half of a double click would send the answer twice, and the page after it would be an error.
const sent = new WeakMap();
document.addEventListener('submit', (event) => {
  if (event.submitter?.formMethod === 'dialog') return;
  const last = sent.get(event.target);
  if (tooEarly(event.target) || (last !== undefined && performance.now() - last < 3000)) event.preventDefault();
  else sent.set(event.target, performance.now());
});
addEventListener('pageshow', (event) => {
  if (event.persisted) for (const form of document.forms) sent.delete(form);
});
