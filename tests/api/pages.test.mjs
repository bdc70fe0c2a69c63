// pages.test.mjs - the pages as a browser shows them: nothing in its console, nothing wider
// than the screen, and everything can be done without a mouse.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Browser, chromium } from './authenticator.mjs';
import { cluster, start, until } from './harness.mjs';

const skip = (!chromium && 'no chromium here') || (cluster && 'a page is the same on every node');
let s, b, pay, letter;

before(async () => {
  if (skip) return;
  s = await start({ NODE_ENV: 'development' });
  const buyer = await s.register(), sale = await s.sale({ types: [{ name: 'A kind of ticket with quite a name' }, {}] });
  const bought = await s.must(201, 'POST', '/api/v1/purchase', { token: buyer.token, key: randomUUID(),
    body: { eventId: sale.event.id, tickets: [{ ticketTypeId: sale.type.id, quantity: 2 }] } });
  pay = bought.payment.url.replace(/^https?:\/\/[^/]+/, '');
  letter = await until('a letter', async () => /href="(\/mail\/[^"]+)"/.exec((await s.api('GET', '/mail')).text)?.[1]);
  b = await new Browser().open();
  for (const domain of ['Page', 'Log', 'Runtime']) await b.ask(`${domain}.enable`, {});
});
after(async () => { await b?.close(); await s?.close(); });

async function page(expression) {
  const { result, exceptionDetails: wrong } = await b.ask('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
  assert.equal(wrong, undefined, wrong?.exception?.description);
  return result.value;
}

async function show(path, { width = 1000, scheme = 'light' } = {}) {
  b.events = [];
  await b.ask('Emulation.setDeviceMetricsOverride', { width, height: 800, deviceScaleFactor: 1, mobile: false });
  await b.ask('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
  await b.ask('Page.navigate', { url: s.url + path });
  await until(`${path} is there`, () => page(`document.readyState === 'complete' && location.pathname === ${JSON.stringify(path.split(/[?#]/)[0])}
    && !/Asking|Looking|Reading/.test(document.body.innerText)`));
}

async function press(key, text) {
  await b.ask('Input.dispatchKeyEvent', { type: 'keyDown', key, code: key, text, windowsVirtualKeyCode: { Tab: 9, Enter: 13 }[key] });
  await b.ask('Input.dispatchKeyEvent', { type: 'keyUp', key, code: key });
}

const loud = () => b.events.filter((e) => e.method === 'Runtime.exceptionThrown' || e.method === 'Runtime.consoleAPICalled' ||
  (e.method === 'Log.entryAdded' && e.params.entry.level !== 'verbose')).map((e) => JSON.stringify(e.params).slice(0, 300));

// What reaches beyond the screen, but for what scrolls in a box of its own.
const tooWide = `[...document.querySelectorAll('body *')].filter((e) => !e.closest('pre') && e.getBoundingClientRect().right > innerWidth + 1)
  .map((e) => e.tagName + ' ' + e.textContent.slice(0, 40))`;
const paths = () => ['/', '/docs', '/mail', letter, pay, '/auth/verify-email?token=x', '/auth/reset-password?token=x', '/problems/SOLD_OUT'];

test('every page: a clean console, and no wider than the screen', { skip }, async () => {
  for (const path of paths())
    for (const how of [{}, { width: 360, scheme: 'dark' }]) {
      await show(path, how);
      if (path === '/docs') await page(`document.querySelectorAll('details').forEach((d) => { d.open = true; })`);
      assert.deepEqual(await page(tooWide), [], `${path} ${JSON.stringify(how)}`);
      assert.deepEqual(loud(), [], path);
      assert.notEqual(await page('getComputedStyle(document.body).backgroundColor'), 'rgba(0, 0, 0, 0)', `${path} has the style`);
    }
});

test('what is too wide, or loud, would be noticed', { skip }, async () => {
  await show('/', { width: 360 });
  await page(`document.querySelector('h1').style.width = '900px'; console.error('x')`);
  assert.match((await page(tooWide)).join(), /H1 TicketToken/);
  assert.equal((await until('it is heard', () => loud().length && loud())).length, 1);
});

test('letters are readable in both schemes', { skip }, async () => {
  const contrast = `(() => { const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
    const under = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (c !== 'rgba(0, 0, 0, 0)') return c; } };
    return [...document.querySelectorAll('body *')].filter((e) => e.offsetParent && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()))
      .map((e) => { const [a, c] = [light(getComputedStyle(e).color), light(under(e))]; return [(Math.max(a, c) + 0.05) / (Math.min(a, c) + 0.05), e.tagName + '.' + e.className]; })
      .filter(([x]) => x < 4.5); })()`;
  for (const path of ['/', '/docs', pay])
    for (const scheme of ['light', 'dark']) {
      await show(path, { scheme });
      assert.deepEqual(await page(contrast), [], `${path} ${scheme}`);
    }
});

test('the API can be searched and opened by keyboard, and an address names an operation', { skip }, async () => {
  await show('/docs');
  for (let i = 0; i < 10 && await page('document.activeElement.id') !== 'find'; i++) await press('Tab');
  await b.ask('Input.insertText', { text: 'post held' });
  const shown = `[...document.querySelectorAll('details')].filter((d) => d.offsetParent).map((d) => d.id)`;
  assert.deepEqual(await page(shown), ['post_api_v1_purchase']);
  await press('Tab');
  await press('Tab');
  assert.equal(await page('document.activeElement.tagName'), 'SUMMARY');
  await press('Enter', '\r');
  assert.equal(await page('document.activeElement.parentElement.open'), true);
  await show('/docs#get_api_v1_orders');
  await until('it is open', () => page(`document.getElementById('get_api_v1_orders').open`));
});

test('an email is confirmed from the letter, by keyboard', { skip }, async () => {
  await show(letter);
  await press('Tab');
  await press('Enter', '\r');
  await until('the page of the link', () => page(`location.pathname === '/auth/verify-email' && document.readyState === 'complete'`));
  await press('Tab');
  await press('Enter', '\r');
  await until('thanks', () => page(`document.querySelector('[role=status]').textContent.startsWith('Thank you')`));
});

test('a sandbox payment is decided by keyboard', { skip }, async () => {
  await show(pay);
  await press('Tab');
  await press('Enter', '\r');
  await until('its word', () => page(`document.getElementById('result').textContent.startsWith('The payment succeeded')`));
});
