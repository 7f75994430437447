/* Makes the dashboard quicker; nothing needs it. */

/* On a phone the sections are one line: the one that is open comes into sight. (scrollIntoView would move where Tab begins.) */
for (const open of document.querySelectorAll('.sections [aria-current]')) {
  const line = open.closest('.sections');
  line.scrollLeft = open.offsetLeft - (line.clientWidth - open.offsetWidth) / 2;
}

/* One box for all boxes of its list. */
for (const all of document.querySelectorAll('[data-check-all]')) {
  all.hidden = false;
  all.addEventListener('change', () => {
    for (const box of all.closest('table').querySelectorAll('tbody input[type="checkbox"]')) box.checked = all.checked;
  });
}

/* A secret can be copied with one press. */
for (const code of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard) break;
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button secondary small';
  button.textContent = code.dataset.copy || '⧉';
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = code.dataset.copied || '✓';
  });
  code.after(button);
}

/* Within a list, j and k go from row to row; nowhere else, so that no key does anything unasked (WCAG 2.1.4). */
for (const list of document.querySelectorAll('[data-rows]')) {
  list.addEventListener('keydown', (event) => {
    const step = { j: 1, k: -1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    const links = [...list.querySelectorAll('tbody th a')];
    const row = event.target.closest('tr');
    const at = links.findIndex((link) => row?.contains(link));
    const next = links[at + step];
    if (next) next.focus();
  });
}
