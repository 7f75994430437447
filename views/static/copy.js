/** Copies the items of a list, one a line. Without this file, or where the browser has no clipboard, the button stays hidden. */

for (const button of navigator.clipboard ? document.querySelectorAll('[data-copy]') : []) {
  const list = document.getElementById(button.dataset.copy);
  const done = document.getElementById(button.dataset.done);
  button.hidden = false;
  button.addEventListener('click', () => {
    const lines = Array.from(list.children, (item) => item.textContent.trim());
    navigator.clipboard.writeText(lines.join('\n')).then(
      () => {
        done.textContent = done.dataset.said;
      },
      // Not allowed: then all that is left to press is "copy" of the browser itself.
      () => getSelection().selectAllChildren(list),
    );
  });
}
