/** A page that waits looks again by itself, but never while the person is at it. Without this file a `meta` does it. */

const again = document.querySelector('[data-look-again]');
const everyMs = Math.max(1, Number(again?.dataset.lookAgain)) * 1000;
const restMs = 5000;
let lastUsed = -restMs;

for (const type of ['keydown', 'pointerdown', 'wheel', 'touchmove']) {
  addEventListener(type, () => (lastUsed = performance.now()), { passive: true });
}

// To the address itself and not `reload`, which would send a form again.
function look() {
  const wait = lastUsed + restMs - performance.now();
  if (wait > 0) setTimeout(look, wait);
  else location.replace(location.pathname + location.search);
}

if (again) setTimeout(look, everyMs);
