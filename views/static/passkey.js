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

async function ask(form) {
  const kind = form.dataset.passkey;
  const publicKey = read(kind, JSON.parse(form.dataset.options));
  const credential = await navigator.credentials[kind]({ publicKey });
  form.elements.passkey.value = JSON.stringify(write(credential));
  form.submit();
}

for (const form of window.PublicKeyCredential ? document.querySelectorAll('form[data-passkey]') : []) {
  const problem = form.querySelector('[data-problem]');
  form.hidden = false;
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    event.stopPropagation();
    problem.hidden = true;
    ask(form).catch(() => {
      problem.hidden = false;
    });
  });
}
