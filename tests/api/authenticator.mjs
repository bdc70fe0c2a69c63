// authenticator.mjs - what holds a passkey: one of a few lines, for tests that need to lie,
// and Chromium's virtual one, driven over its debugging pipe.
import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './harness.mjs';

const b64 = (b) => Buffer.from(b).toString('base64url');
const sha = (b) => createHash('sha256').update(b).digest();
const u16 = (n) => Buffer.from([n >> 8, n & 255]);
const u32 = (n) => Buffer.from([n >>> 24, (n >> 16) & 255, (n >> 8) & 255, n & 255]);
const text = (s) => Buffer.concat([Buffer.from([0x60 | s.length]), Buffer.from(s)]);

// One credential. `flags`: UP 1, UV 4, BE 8, BS 16.
export class SoftKey {
  constructor(origin, { flags = 5, counter = 0 } = {}) {
    Object.assign(this, { origin, flags, counter, id: randomBytes(32), ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) });
  }

  #client(type, challenge, more) {
    return Buffer.from(JSON.stringify({ type, challenge, origin: this.origin, crossOrigin: false, ...more }));
  }

  #head(rpId, flags) { return Buffer.concat([sha(rpId), Buffer.from([flags]), u32(this.counter)]); }

  create(options, more = {}) {
    const { x, y } = this.publicKey.export({ format: 'jwk' });
    const cose = Buffer.concat([Buffer.from('a5010203262001215820', 'hex'), Buffer.from(x, 'base64url'),
      Buffer.from('225820', 'hex'), Buffer.from(y, 'base64url')]);
    const data = Buffer.concat([this.#head(options.rp.id, this.flags | 0x40), Buffer.alloc(16), u16(32), this.id, cose]);
    const object = Buffer.concat([Buffer.from([0xa3]), text('fmt'), text('none'), text('attStmt'), Buffer.from([0xa0]),
      text('authData'), Buffer.from([0x58, data.length]), data]);
    this.user = options.user.id;
    return { id: b64(this.id), rawId: b64(this.id), type: 'public-key', clientExtensionResults: {},
      response: { clientDataJSON: b64(this.#client('webauthn.create', options.challenge, more)), attestationObject: b64(object) } };
  }

  get(options, { userHandle = this.user, flags = this.flags, ...more } = {}) {
    const data = this.#head(options.rpId, flags), client = this.#client('webauthn.get', options.challenge, more);
    return { id: b64(this.id), rawId: b64(this.id), type: 'public-key', clientExtensionResults: {},
      response: { clientDataJSON: b64(client), authenticatorData: b64(data), userHandle,
        signature: b64(sign('sha256', Buffer.concat([data, sha(client)]), this.privateKey)) } };
  }
}

export const chromium = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

// A page with @simplewebauthn/browser at http://localhost:PORT, and a browser that shows it.
export class Browser {
  async serve() {
    const script = readFileSync(join(root, 'tests/api/node_modules/@simplewebauthn/browser/dist/bundle/index.umd.min.js'));
    this.page = http.createServer((q, a) => {
      const js = q.url === '/lib.js';
      a.writeHead(200, { 'content-type': js ? 'text/javascript' : 'text/html' });
      a.end(js ? script : '<!doctype html><title>t</title><script src="/lib.js"></script>');
    });
    await new Promise((done) => this.page.listen(0, 'localhost', done));
    this.origin = `http://localhost:${this.page.address().port}`;
    return this;
  }

  async open(...flags) {
    this.dir = mkdtempSync(join(tmpdir(), 'tickettoken-chromium-'));
    this.child = spawn(chromium, ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', ...flags,
      `--user-data-dir=${this.dir}`, '--remote-debugging-pipe', 'about:blank'], { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    this.waiting = new Map();
    this.events = [];
    this.next = 1;
    let buffer = '';
    this.child.stdio[4].on('data', (d) => {
      const parts = (buffer + d).split('\0');
      buffer = parts.pop();
      for (const m of parts.map((p) => JSON.parse(p))) {
        const w = this.waiting.get(m.id);
        this.waiting.delete(m.id);
        if (!w && m.method) this.events.push(m);
        if (w) m.error ? w.no(new Error(m.error.message)) : w.done(m.result);
      }
    });
    const { targetId } = await this.ask('Target.createTarget', { url: this.origin ?? 'about:blank' });
    ({ sessionId: this.session } = await this.ask('Target.attachToTarget', { targetId, flatten: true }));
    await this.ask('WebAuthn.enable', {});
    await this.ask('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    return this;
  }

  // To the tab that open() made, or to another one; `null`: to the browser itself.
  ask(method, params, sessionId = this.session) {
    const id = this.next++;
    this.child.stdio[3].write(JSON.stringify({ id, method, params, sessionId: sessionId ?? undefined }) + '\0');
    return new Promise((done, no) => this.waiting.set(id, { done, no }));
  }

  // Runs an expression of the page until the library is there, then awaits its promise.
  async run(expression) {
    for (let i = 0; i < 100; i++) {
      const { result } = await this.ask('Runtime.evaluate', { expression: 'typeof SimpleWebAuthnBrowser', returnByValue: true });
      if (result.value === 'object') break;
      await new Promise((done) => setTimeout(done, 50));
    }
    const { result, exceptionDetails } = await this.ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  create(options) { return this.run(`SimpleWebAuthnBrowser.startRegistration(${JSON.stringify(options)})`); }

  get(options) { return this.run(`SimpleWebAuthnBrowser.startAuthentication(${JSON.stringify(options)})`); }

  async close() {
    this.page?.close();
    if (!this.child) return;
    const ended = new Promise((done) => this.child.on('exit', done));
    process.kill(-this.child.pid, 'SIGKILL');    // with its renderers, which write to its folder
    await ended;
    for (let left = 20; ; left--)
      try {
        return rmSync(this.dir, { recursive: true, force: true });
      } catch (e) {
        if (left === 0) throw e;
        await new Promise((done) => setTimeout(done, 100));
      }
  }
}
