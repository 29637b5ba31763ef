import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { htmlToRoughText } from '../daemon/mail/html.ts';
import { readMessage, readTexts } from '../daemon/mail/message.ts';
import { htmlToText } from '../daemon/store/html-text.ts';
import { tableText } from '../daemon/store/text-table.ts';

function read(html: string): { text: string; links: string[] } {
  const links = new Map<string, number>();
  return { text: htmlToText(html, links), links: [...links.keys()] };
}
const text = (html: string): string => read(html).text;
const lines = (html: string): string[] => text(html).split('\n');
/** Both readings, as words. */
const words = (html: string): string[] => [text(html), htmlToRoughText(html, 10_000)].map((it) => it.replace(/\s+/g, ' ').trim());

describe('tables', () => {
  const order =
    '<table><thead><tr><th>Article</th><th>Number</th><th>Price</th></tr></thead><tbody><tr><td>Teapot</td><td>2</td><td>19.00</td></tr><tr><td>Tray of oak</td><td>1</td><td>145.50</td></tr><tr><td>Total</td><td></td><td>183.50</td></tr></tbody></table>';

  test('columns are aligned, and rows are lines', () => {
    expect(lines(`<p>Your order</p>${order}<p>Bye</p>`)).toEqual([
      'Your order',
      '',
      'Article      Number  Price',
      'Teapot       2       19.00',
      'Tray of oak  1       145.50',
      'Total                183.50',
      '',
      'Bye',
    ]);
  });

  test.each([
    ['cells side by side', '<table><tr><td>Sum</td><td>30</td><td>12.00</td></tr></table>', ['Sum  30  12.00']],
    ['no end tags', '<table><tr><td>a<td>b<tr><td>c<td>d</table>', ['a  b', 'c  d']],
    ['no rows', '<table><td>Sum<td>30<td>12.00</table>', ['Sum  30  12.00']],
    ['a stray end tag in a cell', '<div><table><tr><td>a</div></td><td>b</td></tr></table></div>', ['a  b']],
    ['one column', '<table><tr><td>Ship to:</td></tr><tr><td>Jane</td></tr></table>', ['Ship to:', 'Jane']],
    [
      'empty spacers',
      '<table><tr><td>a</td><td>&nbsp;</td><td>b</td></tr><tr><td>cc</td><td></td><td>d</td></tr></table>',
      ['a   b', 'cc  d'],
    ],
    [
      'a head over all columns',
      '<table><tr><th colspan=2>All that you have ordered</th></tr><tr><td>a</td><td>1</td></tr></table>',
      ['All that you have ordered', 'a  1'],
    ],
    [
      'a cell over two rows',
      '<table><tr><td rowspan=2>Mon</td><td>9:00</td><td>x</td></tr><tr><td>10:00</td><td>y</td></tr></table>',
      ['Mon  9:00   x', '     10:00  y'],
    ],
    [
      'a cell over two columns',
      '<table><tr><td>a</td><td>b</td><td>c</td></tr><tr><td colspan=2>long total</td><td>9</td></tr></table>',
      ['a  b        c', 'long total  9'],
    ],
    [
      'lines in a cell',
      '<table><tr><td>Cup<br><small>No. 7</small></td><td>1</td></tr><tr><td>Jug</td><td>2</td></tr></table>',
      ['Cup    1', 'No. 7', 'Jug    2'],
    ],
    ['wide characters', '<table><tr><td>海図</td><td>2</td></tr><tr><td>Cup</td><td>1</td></tr></table>', ['海図  2', 'Cup   1']],
    ['text between cells', '<table>Note<tr><td>a</td><form><td>b</td></form></tr></table>', ['Note', 'a  b']],
    [
      'paragraphs in cells',
      '<table><tr><td><p>Cup</p><p>red</p></td><td><p>1</p></td></tr><tr><td><p>Jug</p></td><td><p>2</p><p>&nbsp;</p></td></tr></table>',
      ['Cup  1', 'red', 'Jug  2'],
    ],
    ['a caption', '<table><caption>Prices</caption><tr><td>a</td><td>1</td></tr></table>', ['Prices', '', 'a  1']],
    [
      'links in cells',
      '<table><tr><td><a href="https://x.example/1">One</a></td><td>1</td></tr><tr><td>Three or four</td><td>2</td></tr></table>',
      ['One [1]        1', 'Three or four  2'],
    ],
    ['hidden cells', '<table><tr><td>a</td><td style="display:none">x</td><td>b</td></tr></table>', ['a  b']],
    ['a nested table of one cell', `<table><tr><td><table><tr><td>${order}</td></tr></table></td></tr></table>`, lines(order)],
  ])('%s', (_, html, expected) => expect(lines(html)).toEqual(expected));

  test('a table that does not fit keeps its rows on lines and its cells apart', () => {
    const long = 'A description that is much longer than any screen of eighty columns leaves for a mail';
    expect(lines(`<table><tr><td>What</td><td>Sum</td></tr><tr><td>${long}</td><td>12.00</td></tr></table>`)).toEqual([
      'What  Sum',
      `${long}  12.00`,
    ]);
  });

  test('a page laid out by tables reads as prose', () => {
    const prose = 'Thank you for your order. It leaves on Friday and should be with you early next week.';
    const page = `<table role="presentation"><tr><td><table><tr><td><img src="x" alt="Shop"></td><td>No. 4711</td></tr></table></td></tr><tr><td><p>Dear Jane,</p><p>${prose}</p>${order}</td></tr><tr><td><p>${prose}</p><p>Ben</p></td><td><p>${prose}</p><p>Eva</p></td></tr></table>`;
    expect(lines(page)).toEqual([
      '[Shop]  No. 4711',
      '',
      'Dear Jane,',
      '',
      prose,
      '',
      ...lines(order),
      '',
      prose,
      '',
      'Ben',
      '',
      prose,
      '',
      'Eva',
    ]);
  });

  test('spans without end are bounded', () => {
    const cell = { text: 'x', colspan: 1e9, rowspan: 1e9 };
    expect(tableText(Array.from({ length: 300 }, () => Array.from({ length: 50 }, () => ({ ...cell })))).length).toBeLessThan(100_000);
    expect(
      tableText([
        [
          { text: 'a', colspan: Number.NaN, rowspan: -1 },
          { text: 'b', colspan: 0, rowspan: 0.5 },
        ],
      ]),
    ).toBe('a  b');
  });
});

describe('what is hidden is not shown', () => {
  test.each([
    '<div style="display:none">GONE</div>',
    '<div style="DISPLAY : none !important">GONE<p>GONE</p></div>',
    "<span style='color:red; display:none;'>GONE <a href='https://x.example/'>GONE</a></span>",
    '<p style="visibility:hidden">GONE</p>',
    '<p style="visibility:collapse">GONE</p>',
    '<p style="font-size:0">GONE</p>',
    '<p style="font-size:0.0px;line-height:0">GONE</p>',
    '<p style="font-size:1px;color:#333">GONE</p>',
    '<p style="font:0px/1 Arial">GONE</p>',
    '<div style="max-height:0px;overflow:hidden">GONE</div>',
    '<div style="height:0;overflow:hidden">GONE</div>',
    '<div style="opacity:0">GONE</div>',
    '<div style="opacity:0.0">GONE</div>',
    '<div style="mso-hide:all">GONE</div>',
    '<div style="text-indent:-9999px">GONE</div>',
    '<div style="position:absolute;left:-5000px">GONE</div>',
    '<p hidden>GONE</p>',
    '<p class="x" hidden="hidden">GONE</p>',
    '<p style="color:#fff">GONE</p>',
    '<font color="white">GONE</font>',
    '<p style="color:transparent">GONE</p>',
    '<table><tr><td bgcolor="#eeeeee"><span style="color:rgb(238, 238, 238)">GONE</span></td></tr></table>',
    '<style>.pre { display: none !important }</style><p class="a pre">GONE</p>',
    '<style>@media screen { .b { display: block } } div#pre{display:none}</style><div id=pre>GONE</div>',
    '<script>GONE</script><title>GONE</title><style>GONE</style><!-- GONE --><template>GONE</template>',
    '<!--[if mso]><p>GONE</p><![endif]-->',
  ])('%s', (html) => expect(words(`<p>Dear Jane</p>${html}<p>Bye</p>`)).toEqual(['Dear Jane Bye', 'Dear Jane Bye']));

  test.each([
    '<table style="font-size:0"><tr><td style="font-size:0"><div style="font-size:13px">SEEN</div></td></tr></table>',
    '<div style="font-size:0"><font size="2">SEEN</font></div>',
    '<div style="visibility:hidden"><b style="visibility:visible">SEEN</b></div>',
    '<div style="max-height:100px;overflow:hidden">SEEN</div>',
    '<div style="opacity:0.9">SEEN</div>',
    '<table bgcolor="#003366"><tr><td style="color:#ffffff">SEEN</td></tr></table>',
    '<div style="background:url(x.png)"><p style="color:#fff">SEEN</p></div>',
    '<style>.head{background:#036}</style><div class="head"><p style="color:#fff">SEEN</p></div>',
    '<td background="x.gif" style="color:#fff">SEEN</td>',
    '<style>@media print{.p{display:none}}</style><p class="p">SEEN</p>',
    '<style>.p{display:none}.p{display:block}</style><p class="p">SEEN</p>',
    '<div style="text-indent:-20px">SEEN</div>',
    '<p title="hidden">SEEN</p>',
    '<p data-x="display:none">SEEN</p>',
    '<p aria-hidden="true">SEEN</p>',
    '<!--[if !mso]><!--><p>SEEN</p><!--<![endif]-->',
    '<![if !mso]><p>SEEN</p><![endif]>',
    '<div style="mso-hide:all"><a>SEEN</a></div>',
    '<title>SEEN',
    '<div style="display:none">GONE</div></div></td>SEEN',
  ])('is seen: %s', (html) => expect(words(html)).toEqual(['SEEN', 'SEEN']));

  test('a mail that hides all it says is shown all the same', () => {
    expect(words('<body style="display:none"><p>Only this</p></body>')).toEqual(['Only this', 'Only this']);
  });
});

describe('links and pictures', () => {
  test.each<[string, string, string, string[]]>([
    [
      'numbers behind words',
      'Pay <a href="https://x.example/1">here</a>, or <a href="https://x.example/2">there</a>.',
      'Pay here [1], or there [2].',
      ['https://x.example/1', 'https://x.example/2'],
    ],
    [
      'the same number again',
      '<a href="https://x.example/">a</a> <a href="https://x.example/">b</a>',
      'a [1] b [1]',
      ['https://x.example/'],
    ],
    [
      'no blank between',
      '<a href="https://x.example/1">One</a><a href="https://x.example/2">Two</a>now',
      'One [1] Two [2] now',
      ['https://x.example/1', 'https://x.example/2'],
    ],
    [
      'a picture without a text',
      '<a href="https://shop.example/x?y"><img src="cid:1"></a>',
      'shop.example [1]',
      ['https://shop.example/x?y'],
    ],
    [
      'a picture with an empty text',
      '<a href="https://shop.example/x"><img src="x.gif" alt=""></a>',
      'shop.example [1]',
      ['https://shop.example/x'],
    ],
    [
      'a picture with a text',
      '<a href="https://shop.example/x"><img src="x.gif" alt="Our shop"></a>',
      '[Our shop] [1]',
      ['https://shop.example/x'],
    ],
    ['a title for a text', '<img src="x.gif" title="A harbour">', '[A harbour]', []],
    ['an emoji as a picture', 'Thanks <img alt="😀" src="x">', 'Thanks 😀', []],
    [
      'an empty link to write to',
      '<a href="mailto:jane%40x.example?subject=Hi"></a>',
      'jane@x.example [1]',
      ['mailto:jane%40x.example?subject=Hi'],
    ],
    ['a telephone', '<a href="tel:+4940123456">Call us</a>', 'Call us (goes to +4940123456)', []],
    ['a telephone that is there', '<a href="tel:+4940123456">+49 (40) 123 456</a>', '+49 (40) 123 456', []],
    ['no scheme', '<a href="//x.example/a">a</a>', 'a [1]', ['https://x.example/a']],
    [
      'a forgotten scheme',
      '<a href="www.x.example/a">a</a> <a href="jane@x.example">Jane</a>',
      'a [1] Jane [2]',
      ['http://www.x.example/a', 'mailto:jane@x.example'],
    ],
    ['a base', '<base href="https://x.example/b/"><a href="c?d">a</a>', 'a [1]', ['https://x.example/b/c?d']],
    ['blanks and line ends inside', '<a href=" https://x.example/a\n b c ">a</a>', 'a [1]', ['https://x.example/a%20b%20c']],
    [
      'what is never followed',
      '<a href="javascript:x()">a</a> <a href="data:text/html,x">b</a> <a href="file:///etc">c</a> <a href="#top">d</a>',
      'a b c d',
      [],
    ],
    ['a button', '<button>Pay now</button> <input type="submit" value="Send"><input type="hidden" value="x">', '[Pay now] [Send]', []],
    ['a > in an attribute', '<img alt="a > b"><p title="x > y">c</p>', '[a > b]\n\nc', []],
    ['a picture in its attribute', `<img src="data:image/png;base64,${'A'.repeat(60_000)}" alt="Logo">`, '[Logo]', []],
  ])('%s', (_, html, expected, links) => expect(read(html)).toEqual({ text: expected, links }));

  test('an image map says what it offers', () => {
    const map =
      '<img src="a.jpg" usemap="#m"><map name="m"><area href="https://x.example/1" alt="Teapots"><area href="https://x.example/2" alt=""><area nohref alt="Trays"></map>';
    expect(read(map)).toEqual({ text: 'Teapots [1]\nx.example [2]\nTrays', links: ['https://x.example/1', 'https://x.example/2'] });
    expect(htmlToRoughText(map, 100)).toContain('Teapots');
  });

  test.each([
    ['https://bank.example/login', 'https://evil.example/', 'evil.example'],
    ['Go to bank.example now', 'https://evil.example/', 'evil.example'],
    ['bank.example', 'https://bank.example@evil.example/', 'evil.example'],
    ['bank.example', 'https://bank.example.evil.example/', 'bank.example.evil.example'],
    ['bänk.example', 'https://bank.example/', 'bank.example'],
    ['info@bank.example', 'mailto:eve@evil.example', 'eve@evil.example'],
    ['bank.example', 'https://bank.example/', null],
    ['www.bank.example/a', 'http://bank.example/b', null],
    ['bank.example', 'https://www.bank.example/', null],
    ['bank.example', 'https://online.bank.example/', null],
    ['info@bank.example', 'mailto:info@bank.example?subject=x', null],
    ['manual.pdf', 'https://x.example/manual.pdf', null],
    ['Read version 2.0 here', 'https://x.example/', null],
    ['click here', 'https://x.example/', null],
  ])('%s leads to %s', (words_, href, elsewhere) => {
    expect(text(`<a href="${href}">${words_}</a>`)).toBe(`${words_}${elsewhere === null ? '' : ` (goes to ${elsewhere})`} [1]`);
  });
});

describe('lines, lists and quotes', () => {
  test.each([
    ['nested lists', '<ol><li>One<ul><li>a</li><li>b</li></ul></li><li>Two</li></ol>', [' 1. One', '    * a', '    * b', ' 2. Two']],
    ['lists in lists', '<ul><li>a</li><ul><li>b</li></ul></ul>', [' * a', '    * b']],
    ['items without a list, or an end', '<li>a<li>b', [' * a', ' * b']],
    ['terms', '<dl><dt>Order<dd>4711<dt>Days<dd>Monday<br>Tuesday</dl>', ['Order', '  4711', 'Days', '  Monday', '  Tuesday']],
    ['preformatted', '<pre>a  b\n  c\n\nd</pre>', ['a  b', '  c', '', 'd']],
    ['styled to be preformatted', '<div style="white-space: pre-wrap">a  b\n  c\nd</div>', ['a  b', '  c', 'd']],
    ['soft hyphens and zero widths', 'Donau&shy;dampf\u00ADschiff\u200B&#8203;fahrt&nbsp;&nbsp;!', ['Donaudampfschifffahrt  !']],
    ['breaks', '<div>a<br></div><div>b<br><br>c</div><div><br></div><div>d</br>e<br/>f</div>', ['a', 'b', '', 'c', '', 'd', 'e', 'f']],
    ['empty paragraphs', '<p>a</p><p>&nbsp;</p><p>&nbsp;</p><p>b</p>', ['a', '', 'b']],
    ['headings', 'a<h1>Big</h1>b<h3>Small</h3>c', ['a', '', 'Big', '', 'b', '', 'Small', '', 'c']],
    ['raised figures', '19<sup>99</sup> EUR, H<sub>2</sub>O, 1<sup>st</sup>', ['19⁹⁹ EUR, H₂O, 1st']],
    [
      'crossed-out figures',
      'was <del>49.00</del><ins>39.00</ins>, <s>20</s>15, 5<strike>9</strike>',
      ['was ~~49.00~~ 39.00, ~~20~~ 15, 5 ~~9~~'],
    ],
    [
      'crossed out by a style, with what stands in it',
      'Total <span style="text-decoration: line-through">49<b>.00</b></span>39.00<s></s>',
      ['Total ~~49.00~~ 39.00'],
    ],
    ['crossed-out cells', '<table><tr><s><td>1</td></s><td><s>49</s></td><td>39</td></tr></table>', ['~~1~~  ~~49~~  39']],
    ['crossed-out lines', '<s><p>a</p><p>b</p></s><p>c</p>', ['~~a~~', '', '~~b~~', '', 'c']],
    ['behind the body', '<html><head><title>x</title></head><body>a</body></html><p>List footer</p>', ['a', '', 'List footer']],
    [
      'blocks of all kinds',
      '<fieldset><legend>a</legend>b</fieldset><address>c</address><figure>d<figcaption>e</figcaption></figure>',
      ['a', 'b', 'c', 'd', 'e'],
    ],
    [
      'a quote in a quote',
      '<p>Yes.</p><blockquote><p>Really?</p><blockquote>Yes?</blockquote></blockquote><p>Bye</p>',
      ['Yes.', '', '> Really?', '>', '>> Yes?', '', 'Bye'],
    ],
    ['a quote with its blank lines', '<blockquote type="cite"><div>a</div><div><br></div><div>b</div></blockquote>', ['> a', '>', '> b']],
    [
      'indented by its author',
      '<blockquote style="margin:0 0 0 40px;border:none;padding:0px"><div>a</div>b</blockquote>',
      ['    a', '    b'],
    ],
    [
      'marked as a quote',
      '<blockquote class="gmail_quote" style="margin:0 0 0 .8ex;border-left:1px #ccc solid;padding-left:1ex">a</blockquote>',
      ['> a'],
    ],
  ])('%s', (_, html, expected) => expect(lines(html)).toEqual(expected));
});

test('the rough reading knows all names of characters', () => {
  expect(htmlToRoughText('&frac12; &rarr; &Auml;&eacute;&scaron; &hellip; &nosuch; &lt;b&gt; &#150; a&shy;b', 100)).toBe(
    '½ → Äéš … &nosuch; <b> – ab',
  );
});

test('the rough reading marks quotes, in whatever language they are announced', () => {
  const reply =
    '<div>Yes, please.</div><div>Tue 3 Mar 2026, Support &lt;s@x.example&gt; kirjutas:</div><blockquote>Do you<blockquote>still</blockquote>want it?</blockquote><div>Jane</div>';
  expect(htmlToRoughText(reply, 1_000)).toBe(
    'Yes, please.\n\nTue 3 Mar 2026, Support <s@x.example> kirjutas:\n> Do you\n>> still\n> want it?\nJane',
  );
  expect(readMessage(Buffer.from(`Content-Type: text/html\r\n\r\n${reply}`)).snippet).toBe('Yes, please. Jane');
});

test('no HTML costs more than its length', () => {
  // quadratic work would take minutes
  for (const html of [
    '<title>'.repeat(100_000),
    '<a "'.repeat(100_000),
    `<table>${'<tr><td>a<td>b'.repeat(3_000)}`,
    '<table><tr><td>a<td>b'.repeat(200),
    `<div style="white-space:pre">${'a \n'.repeat(100_000)}`,
    `<style>${'.a{'.repeat(60_000)}</style>x`,
    '<style>.a{display:none}</style>'.repeat(5_000),
    '<i>a<br></i>'.repeat(3_000),
    '<!--'.repeat(100_000),
    '<'.repeat(300_000),
  ]) {
    expect(text(html).length).toBeLessThan(1_000_000);
    expect(htmlToRoughText(html, 262_144).length).toBeLessThanOrEqual(262_144);
  }
});

test('any soup of tags is read, and no word of it is lost', () => {
  const names =
    'a area b blockquote br button caption center dd div dl dt font form h1 hr img input li map ol option p pre q select span sub sup table tbody td th thead tr u ul';
  const tag = fc.constantFrom(
    ...names
      .split(' ')
      .flatMap((name) => [`<${name}>`, `</${name}>`, `<${name} href="https://x.example/" alt="Alt" style="display:block">`]),
  );
  const piece = fc.oneof(
    tag,
    fc.constantFrom('word', ' ', '\n', '&nbsp;', ' < ', '<!-- x -->', '<td colspan=3 rowspan=2>', '<p style="white-space:pre">'),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const html = pieces.join('');
      const count = pieces.filter((it) => it === 'word').length;
      for (const reading of [text(html), htmlToRoughText(html, 10_000)]) expect(reading.match(/word/g) ?? []).toHaveLength(count);
    }),
    { numRuns: 3_000 },
  );
});

const corpus = process.env.POSTROOM_CORPUS ?? '';
const absent = corpus === '' ? ' (left out: POSTROOM_CORPUS names no folder of mails)' : '';

test.skipIf(corpus === '')(`the rough reading and the parser read the same words in the corpus${absent}`, () => {
  const names = readdirSync(corpus, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.eml') && !name.startsWith('hostile'),
  );
  const letters = (all: string): string => all.replace(/ \[\d+\]|\(goes to \S+\)/g, '').replace(/[^\p{L}\p{N}]+/gu, '');
  const apart = names.filter((name) => {
    const octets = readFileSync(join(corpus, name));
    const rough = letters(readMessage(octets).text).length;
    const whole = letters(
      readTexts(octets, text, 1_000_000)
        .map((it) => it.text)
        .join(''),
    ).length;
    return rough < 200_000 && Math.abs(rough - whole) > 20 + 0.1 * Math.max(rough, whole);
  });
  // Pictures that are links and have no words of their own: opened they are called by their host.
  expect(apart).toEqual(['roundcube/spam-with-image-data-uri.eml', 'ruby-mail/error-emails-content-transfer-encoding-with-8bits.eml']);
});
