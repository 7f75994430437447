/**
 * Passkeys: asks the authenticator and sends what it says with the form. Without this file, or in a browser that knows no
 * passkeys, the form stays hidden.
 */

function fromBase64Url(text) {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
}

function toBase64Url(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

const withBytes = (list = []) => list.map((one) => ({ ...one, id: fromBase64Url(one.id) }));

// By the browser itself where it can (WebAuthn Level 3 §5.1.8), else by hand.
function read(kind, options) {
  const parse = kind === 'create' ? 'parseCreationOptionsFromJSON' : 'parseRequestOptionsFromJSON';
  if (PublicKeyCredential[parse]) return PublicKeyCredential[parse](options);
  const publicKey = { ...options, challenge: fromBase64Url(options.challenge) };
  if (kind === 'get') return { ...publicKey, allowCredentials: withBytes(options.allowCredentials) };
  const user = { ...options.user, id: fromBase64Url(options.user.id) };
  return { ...publicKey, user, excludeCredentials: withBytes(options.excludeCredentials) };
}

function write(credential) {
  if (credential.toJSON) return credential.toJSON();
  const { id, rawId, type, response } = credential;
  const said = { clientDataJSON: toBase64Url(response.clientDataJSON) };
  for (const name of ['attestationObject', 'authenticatorData', 'signature', 'userHandle'])
    if (response[name]) said[name] = toBase64Url(response[name]);
  if (response.getTransports) said.transports = response.getTransports();
  return { id, rawId: toBase64Url(rawId), type, response: said };
}

async function ask(kind, options) {
  const publicKey = read(kind, JSON.parse(options));
  return JSON.stringify(write(await navigator.credentials[kind]({ publicKey })));
}

const known = (selector) => (window.PublicKeyCredential ? document.querySelectorAll(selector) : []);

for (const form of known('form[data-passkey]')) {
  const problem = form.querySelector('[data-problem]');
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    event.stopPropagation();
    problem.hidden = true;
    ask(form.dataset.passkey, form.dataset.options)
      .then((said) => {
        form.elements.passkey.value = said;
        form.submit();
      })
      .catch(() => {
        problem.hidden = false;
      });
  });
}

// In place of the password in a form that asks for more: what the button says goes along.
for (const part of known('[data-passkey-within]')) {
  const button = part.querySelector('button');
  const problem = part.querySelector('[data-problem]');
  const input = part.querySelector('input[name="passkey"]');
  const pressed = Object.assign(document.createElement('input'), { type: 'hidden', name: button.name });
  pressed.value = button.value;
  part.hidden = false;
  // Who comes back to the page finds it as it was, and may press something else.
  const forget = () => {
    input.value = '';
    pressed.remove();
  };
  forget();
  addEventListener('pageshow', forget);
  button.addEventListener('click', (event) => {
    event.preventDefault();
    problem.hidden = true;
    ask('get', part.dataset.options)
      .then((said) => {
        input.value = said;
        button.form.append(pressed);
        button.form.submit();
      })
      .catch(() => {
        problem.hidden = false;
      });
  });
}
