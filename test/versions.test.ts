import { afterAll, describe, expect, test } from 'vitest';
import { readMessage } from '../daemon/mail/message.ts';
import { Opener } from '../daemon/open.ts';

const opener = new Opener();
afterAll(() => opener.close());

type Part = { type: string; body: string | Part[] };
const plain = (body: string): Part => ({ type: 'text/plain; charset=utf-8', body });
const html = (body: string): Part => ({ type: 'text/html; charset=utf-8', body });
const multi = (kind: string, ...body: Part[]): Part => ({ type: `multipart/${kind}`, body });

let boundaries = 0;
function octetsOf({ type, body }: Part): string {
  if (typeof body === 'string') return `Content-Type: ${type}\r\n\r\n${body}`;
  const boundary = `b${++boundaries}`;
  return `Content-Type: ${type}; boundary=${boundary}\r\n\r\n${body.map((part) => `--${boundary}\r\n${octetsOf(part)}\r\n`).join('')}--${boundary}--`;
}
/** What is shown, which is what is indexed but for the marks of links. */
async function shown(part: Part): Promise<string> {
  const octets = Buffer.from(octetsOf(part));
  const lean = readMessage(octets).text.replace(/\s+/g, ' ').trim();
  const { text } = await opener.open(octets);
  const whole = text.replace(/\s+/g, ' ').trim();
  expect(whole.replace(/ (?:\(goes to \S+\) )?\[\d+\]|\[|\]/g, '')).toBe(lean.replace(/\[|\]/g, ''));
  return whole;
}

const words = 'Dear Jane, thank you for your order 4711: it leaves on Friday, and the invoice comes with it.';
const rich = html(`<p>${words}</p>`);
const news = html(`<table><tr><td>${words}</td></tr><tr><td>${words}</td></tr><tr><td>${words}</td></tr></table>`);

describe('a plain half that says nothing gives way to the HTML', () => {
  test.each([
    ['empty', ''],
    ['blank', ' \r\n\t\r\n '],
    ['zero width', '\u200B'],
    ['other invisible characters', '\uFEFF\u200C\u00AD\u2060 \u00A0\u3164\u2800'],
    ['a rule', '----------------------'],
    ['one link', 'https://shop.example/mail/4711?view=web'],
    ['links alone', '<https://shop.example/a>\r\n\r\nhttps://shop.example/b'],
    ['a remark', 'Your email client does not support HTML.'],
    ['another', 'This message is in HTML format. Please use a program that can show it.'],
    ['in a browser', 'View this email in your browser: https://shop.example/m'],
    ['German', 'Diese E-Mail kann nur im HTML-Format angezeigt werden.'],
    ['French', 'Si vous ne voyez pas ce message, ouvrez-le dans votre navigateur : https://shop.example/m'],
    ['Russian', 'Откройте письмо в браузере: https://shop.example/m'],
    ['Japanese', 'HTMLメールに対応したソフトでご覧ください。'],
    ['a placeholder', 'undefined'],
    ['an entity', '&nbsp;\r\n&#8203;'],
    ['tags', '<p></p><br>'],
    ['the HTML once more', `<html><body><p class="x">${'Dear Jane, '.repeat(80)}</p></body></html>`],
    ['the name of the part', 'Plain text'],
  ])('%s', async (_, text) => {
    expect(await shown(multi('alternative', plain(text), rich))).toBe(words);
    expect(await shown(multi('alternative', rich, plain(text)))).toBe(words);
  });

  test('a few words beside a long text', async () => {
    expect(await shown(multi('alternative', plain('Your order 4711'), news))).toBe(`${words} ${words} ${words}`);
  });
});

describe('a plain half that says something is shown', () => {
  test.each([
    ['as long', words],
    ['shorter', 'Order 4711 leaves on Friday, the invoice comes with it.'],
    [
      'about HTML',
      'How do I turn off HTML in the browser of the order form? It shows me tags like <p> instead of what I have written there, on two machines.',
    ],
  ])('%s', async (_, text) => expect(await shown(multi('alternative', plain(text), rich))).toBe(text));

  test('a short one beside one as short, or beside nothing to read', async () => {
    expect(await shown(multi('alternative', plain('Yes.'), html('<div>Yes.</div>')))).toBe('Yes.');
    expect(await shown(multi('alternative', plain('👍'), html('<p>👍</p>')))).toBe('👍');
    expect(await shown(multi('alternative', plain('https://x.example/'), html('<img src="x">')))).toBe('https://x.example/');
    expect(await shown(multi('alternative', plain('test'), html('')))).toBe('test');
  });
});

describe('which texts are shown', () => {
  test('all of a mixed, in order', async () => {
    expect(await shown(multi('mixed', plain('One.'), html('<p>Two.</p>'), plain('Three.')))).toBe('One. Two. Three.');
    expect(
      await shown(multi('mixed', multi('alternative', plain('One, in words.'), html('<p>One, in words.</p>')), plain('Footer.'))),
    ).toBe('One, in words. Footer.');
  });

  test('one branch of an alternative, whole', async () => {
    const branch = multi('mixed', html('<p>One, told in HTML.</p>'), html('<p>Two, told in HTML.</p>'), plain('Footer.'));
    expect(await shown(multi('alternative', plain('One and two, told in words alone.'), branch))).toBe('One and two, told in words alone.');
    expect(await shown(multi('alternative', plain(' '), branch))).toBe('One, told in HTML. Two, told in HTML. Footer.');
    expect(await shown(multi('alternative', plain(' '), multi('related', rich)))).toBe(words);
  });

  test('an alternative in an alternative', async () => {
    const inner = multi('alternative', plain(''), rich);
    expect(await shown(multi('alternative', plain('\u200B'), multi('mixed', inner, plain('Footer.'))))).toBe(`${words} Footer.`);
    expect(await shown(multi('alternative', inner, plain('In plain words, and more of them than would fit into a remark.')))).toBe(
      'In plain words, and more of them than would fit into a remark.',
    );
  });

  test('links of a plain part keep their place behind those that have numbers', async () => {
    const octets = Buffer.from(
      octetsOf(multi('mixed', plain('See https://x.example/plain'), html('<a href="https://x.example/rich">here</a>'))),
    );
    expect(await opener.open(octets)).toMatchObject({
      html: true,
      text: 'See https://x.example/plain\nhere [1]',
      links: ['https://x.example/rich', 'https://x.example/plain'],
    });
  });
});
