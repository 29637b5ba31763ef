/**
 * Hostile mails of our own, made here, so that a clone of this repository alone has a set. Same octets each time. Payloads carry a mark,
 * `HOSTILE_` and the name of the mail: where one of them gets through, the mark says which.
 */

/** `rule` is what must hold beside the rules for all: stored, listed, opened, answered, nothing of it obeyed. */
export type HostileMail = { readonly name: string; readonly rule: string; readonly octets: Buffer };

const esc = '\u001b';

/** What a terminal would obey, by what it would do. Half of them are of forms that the renderer itself never writes. */
const payloads: Readonly<Record<string, (mark: string) => string>> = {
  title: (mark) => `${esc}]0;${mark}\u0007`,
  'title-like-ours': (mark) => `${esc}]0;Postroom (99) ${mark}\u0007`,
  clipboard: (mark) => `${esc}]52;c;${Buffer.from(mark).toString('base64')}${esc}\\`,
  link: (mark) => `${esc}]8;;https://evil.example/${mark}${esc}\\bank.example${esc}]8;;${esc}\\`,
  notify: (mark) => `${esc}]9;${mark}\u0007${esc}]777;notify;${mark};x\u0007`,
  clear: () => `${esc}[H${esc}[2J${esc}[3J`,
  cursor: () => `${esc}[1;1H${esc}[99A${esc}[99D`,
  conceal: (mark) => `${esc}[8m${mark}${esc}[5;31;47m`,
  'report-cursor': () => `${esc}[6n${esc}[c${esc}[>c${esc}[21t`,
  'report-setting': () => `${esc}P$q"p${esc}\\${esc}[?25$p`,
  graphics: (mark) => `${esc}_Gf=24,s=1,v=1;${mark}${esc}\\`,
  'private-message': (mark) => `${esc}^${mark}${esc}\\${esc}X${mark}${esc}\\`,
  reset: () => `${esc}c${esc}[!p${esc}#8${esc}(0`,
  modes: () => `${esc}[?1049l${esc}[?1000h${esc}[?2004l${esc}[4h${esc}[?7h`,
  region: () => `${esc}[2;3r${esc}[20S${esc}[30L${esc}[99b`,
  'c1-csi': () => '\u009b2J\u009b31m\u009b6n',
  'c1-strings': (mark) => `\u009d0;${mark}\u009c\u0090q${mark}\u009c\u009f${mark}\u009c\u009e\u0098\u0085\u0084`,
  nested: (mark) => `${esc}${esc}[0m]52;c;${mark}\u0007${esc}[${esc}[31m31m\u009b\u009b0m1m`,
  cut: (mark) => `${mark}${esc}]0;`,
  'carriage-return': (mark) => `Invoice paid\rHOSTILE ${mark}\b\b\b\b\b\b\v\f`,
  controls: (mark) => `\u0007\u0008\u0009\u000e\u000f\u0018\u001a\u001d\u007f${mark}\u0000`,
};

const crlf = '\r\n';
const words = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`;
const quotedWords = (text: string): string =>
  `=?utf-8?Q?${Array.from(Buffer.from(text), (octet) => `=${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('')}?=`;
const percent = (text: string): string =>
  Array.from(Buffer.from(text), (octet) => `%${octet.toString(16).toUpperCase().padStart(2, '0')}`).join('');

type Fields = Readonly<Record<string, string | null>>;
type Shape = { headers?: Fields; body?: string | Buffer };

const made: HostileMail[] = [];
let minute = 0;

/** Adds a mail with what every mail has; a field of `null` is left out. Text is written as UTF-8, whatever the mail says of itself. */
function add(name: string, rule: string, { headers = {}, body = `Hello${crlf}` }: Shape): void {
  const usual: Fields = {
    From: 'Mallory <mallory@evil.example>',
    To: 'support@harbour.example',
    Subject: name,
    Date: new Date(Date.UTC(2026, 1, 1) + minute++ * 60_000).toUTCString().replace('GMT', '+0000'),
    'Message-ID': `<${name}@evil.example>`,
    'MIME-Version': '1.0',
  };
  const fields = Object.entries({ ...usual, ...headers }).flatMap(([key, value]) => (value === null ? [] : [`${key}: ${value}${crlf}`]));
  made.push({ name, rule, octets: Buffer.concat([Buffer.from(fields.join('') + crlf), Buffer.from(body)]) });
}

const markOf = (name: string): string => `HOSTILE_${name}`;
const html = { 'Content-Type': 'text/html; charset=utf-8' };
const utf8 = { 'Content-Type': 'text/plain; charset=utf-8' };
const mixed = { 'Content-Type': 'multipart/mixed; boundary="b"' };

const part = (headers: string, body: string): string => `--b${crlf}${headers}${crlf}${crlf}${body}${crlf}`;
const file = (disposition: string, content = 'content'): string =>
  part(`Content-Type: application/octet-stream${crlf}Content-Disposition: attachment; ${disposition}`, content);
const withFiles = (...files: string[]): Shape => ({
  headers: mixed,
  body: `${part('Content-Type: text/plain', 'See below.')}${files.join('')}--b--${crlf}`,
});

// --- orders to the terminal: raw, and behind every decoding that a mail reader does --------------------------------

for (const [what, payload] of Object.entries(payloads)) {
  const raw = `esc-raw-${what}`;
  const plain = payload(markOf(raw));
  add(raw, 'no order in subject and body reaches the terminal', {
    headers: { ...utf8, Subject: `before ${plain.replace(/[\r\n\v\f]/g, '')} after ${raw}` },
    body: `Line one${crlf}${plain}${crlf}${'x'.repeat(76)}${plain}${crlf}last line ${markOf(raw)}${crlf}`,
  });
  const coded = `esc-coded-${what}`;
  const hidden = payload(markOf(coded));
  const name = quotedWords(hidden);
  add(coded, 'no order behind encoded-words, parameters and entities reaches the terminal', {
    headers: {
      ...mixed,
      Subject: `${words(`before ${hidden}`)}${crlf} ${name} ${coded}`,
      From: `${name} <mallory@evil.example>`,
      To: `${words(hidden)} <support@harbour.example>`,
    },
    body: [
      part(
        `Content-Type: ${html['Content-Type']}`,
        `<p title="x">${Array.from(hidden, (it) => `&#${it.codePointAt(0)};`).join('')} ${markOf(coded)}<a href="https://evil.example/${percent(hidden)}">x</a>`,
      ),
      file(`filename*=utf-8''${percent(`${hidden}.txt`)}; filename="${name}"`),
      `--b--${crlf}`,
    ].join(''),
  });
}

add('esc-eight-bit', 'raw octets 80 to 9F are no C1', {
  headers: { 'Content-Type': 'text/plain; charset=iso-8859-1' },
  body: Buffer.concat([
    Buffer.from('before '),
    Buffer.from([0x9b, 0x32, 0x4a, 0x9d, 0x30, 0x3b, 0x78, 0x07, 0x85, 0x9c]),
    Buffer.from(' after HOSTILE_esc-eight-bit\r\n'),
  ]),
});
add('esc-split-words', 'a sequence spread over encoded-words stays text', {
  headers: { Subject: ['\u001b', ']0;HOSTILE_esc-split', '-words', '\u0007'].map(words).join(`${crlf} `) },
});
add('esc-split-qp', 'a sequence behind soft line breaks stays text', {
  headers: { ...utf8, 'Content-Transfer-Encoding': 'quoted-printable' },
  body: `=1B=${crlf}]0;HOSTILE_esc-split-qp=07 =C2=9B=${crlf}2J${crlf}`,
});

// --- characters that deceive ---------------------------------------------------------------------------------------

const deceptions: Readonly<Record<string, string>> = {
  override: 'invoice \u202Efdp.exe\u202C \u2066x\u2069 \u200Fy',
  'zero-width': 'pay\u200Bpal\u200D.\u2060com\uFEFF \u00AD\u034F\u180E',
  tags: 'plain\u{E0041}\u{E0042}\u{E007F} \uFE0F\uFE0E \u{1D173}',
  tower: `a${'\u0301'.repeat(200)} Z${'\u0489\u0336'.repeat(100)}`,
  loose: '\u0301\u0323 at the beginning',
  private: '\uE000\uF8FF\u{F0000}\u{10FFFD} \uFDD0\uFFFE',
  wide: '\uFDFD \u{1F468}\u200D\u{1F469}\u200D\u{1F467} \u{1F3F4}\u{E0067}\u{E007F} \u1100\u1161\u11A8 \u{1F1E9}\u{1F1EA} 1\uFE0F\u20E3 \u2800 \u{12031}',
  padding: `support@harbour.example${'\u3000'.repeat(80)}${'\u00A0'.repeat(80)}really`,
  separators: 'one\u2028two\u2029three\u0085four\vfive\fsix',
  scripts: '\u0440\u0430ypal \u03BFffice \uFF41\uFF50\uFF50le',
  blank: '\u3164\u115F\u1160\uFFA0',
};
for (const [what, text] of Object.entries(deceptions)) {
  const name = `uni-${what}`;
  add(name, 'what is drawn takes the room that the renderer gave it', {
    headers: { ...utf8, Subject: words(`${text} ${name}`), From: `${words(text)} <mallory@evil.example>` },
    body: `${text} ${markOf(name)}${crlf}${`${text} `.repeat(20)}${crlf}> ${text}${crlf}`,
  });
}
add('uni-name-is-address', 'the list shows the address, not the name', {
  headers: { From: '"eva@harbour.example" <mallory@evil.example>' },
});
add('uni-domain', 'a domain of two scripts is spelled in letters of the DNS', {
  headers: { ...utf8, From: 'Bank <x@\u0440\u0430ypal.example>' },
});
add('uni-surrogates', 'no half character is drawn', {
  headers: utf8,
  body: Buffer.from('eda080edb080 ff fe c0af f4908080'.replace(/ /g, '20'), 'hex'),
});

// --- headers -------------------------------------------------------------------------------------------------------

const people = (count: number): string => Array.from({ length: count }, (_, n) => `p${n} <p${n}@crowd.example>`).join(`,${crlf} `);

add('hdr-one-huge', 'bounded', { headers: { 'X-Long': 'x'.repeat(1_000_000) } });
add('hdr-many', 'bounded', { headers: Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`X-Header-${n}`, 'value'])) });
add('hdr-folds', 'bounded', { headers: { Subject: `folded${`${crlf} `.repeat(50_000)} hdr-folds` } });
add('hdr-crowd', 'the first recipients are shown, the rest counted', { headers: { To: people(10_000) } });
add('hdr-crowd-copied', 'a reply to all is refused or bounded', { headers: { Cc: people(3_000), 'Reply-To': people(3_000) } });
add('hdr-groups', 'no recursion', { headers: { To: `${'g: '.repeat(5_000)}a@b.example${';'.repeat(5_000)}` } });
add('hdr-comments', 'no recursion', { headers: { From: `${'('.repeat(20_000)}x${')'.repeat(20_000)} <mallory@evil.example>` } });
add('hdr-quotes', 'no quadratic time', { headers: { From: `${'"'.repeat(50_001)} <mallory@evil.example>` } });
add('hdr-blanks', 'no quadratic time', { headers: { From: `a${' '.repeat(300_000)}b <mallory@evil.example>` } });
add('hdr-commas', 'bounded', { headers: { To: ','.repeat(200_000) } });
add('hdr-subject-long', 'bounded', { headers: { Subject: `${'Re: '.repeat(20_000)}hdr-subject-long` } });
add('hdr-nothing', 'shown without a sender, a date or a subject', {
  headers: { From: null, To: null, Subject: null, Date: null, 'Message-ID': null },
});
add('hdr-null', 'NUL is a character like others', { headers: { Subject: 'a\0b', From: 'a\0b <m\0@evil.example>' }, body: 'a\0b\r\n' });
add('hdr-bare-lines', 'bare CR and LF end no header', {
  headers: { Subject: 'one\rBcc: victim@example.org\rX: y', From: 'a\nBcc: v@example.org' },
});
add('hdr-twice', 'the first counts', { headers: { Subject: `hdr-twice${crlf}Subject: second${crlf}From: other@evil.example` } });
add('hdr-prototype', 'Object.prototype stays as it is', {
  headers: {
    __proto__x: '1',
    constructor: 'x',
    prototype: 'x',
    toString: 'x',
    'X-A': `b${crlf}__proto__: polluted${crlf}hasOwnProperty: polluted`,
  },
});
add('date-nonsense', 'a date of nowhere is no date', { headers: { Date: 'Fri, 99 Foo 99999999 99:99:99 +9999' } });
add('date-far', 'the year is one that can be drawn', { headers: { Date: 'Mon, 01 Jan 275761 00:00:00 +0000' } });
add('date-before', 'the year is one that can be drawn', { headers: { Date: 'Mon, 01 Jan -001 00:00:00 +0000' } });

// --- injection into what we send -----------------------------------------------------------------------------------

const injected = `x${crlf}Bcc: victim@example.org${crlf}${crlf}body`;
add('inj-subject-words', 'a reply has one Subject and no Bcc', { headers: { Subject: words(injected) } });
add('inj-name-words', 'a reply has no header of the sender', { headers: { From: `${words(injected)} <mallory@evil.example>` } });
add('inj-address', 'an address with a line end is none', { headers: { 'Reply-To': '<"a\\\r\n b> RCPT TO:<v@example.org"@evil.example>' } });
add('inj-message-id', 'In-Reply-To of a reply is one line', { headers: { 'Message-ID': '<a b\t"\' OR 1=1;--@evil.example>' } });
add(
  'inj-file-name',
  'a forward has no header of the sender',
  withFiles(file(`filename*=utf-8''${percent(`a"${crlf}Bcc: v@example.org${crlf}.txt`)}`)),
);
add('inj-receipts', 'nothing is answered by itself', {
  headers: {
    'Disposition-Notification-To': 'mallory@evil.example',
    'Return-Receipt-To': 'mallory@evil.example',
    'List-Unsubscribe': '<http://127.0.0.1:1/>',
  },
});
add('inj-smuggle', 'what looks like the end of a mail is text', { body: `before\n.\r\nMAIL FROM:<x@evil.example>\r\n\r.\r\n\n.\n` });
add('inj-parameters', 'Object.prototype stays as it is', {
  headers: { 'Content-Type': "text/plain; __proto__=polluted; constructor*0=a; constructor*1=b; __proto__*=utf-8''x; charset=__proto__" },
});

// --- MIME ----------------------------------------------------------------------------------------------------------

const nested = (depth: number): string =>
  `${Array.from({ length: depth }, (_, n) => `Content-Type: multipart/mixed; boundary="b${n}"${crlf}${crlf}--b${n}${crlf}`).join('')}Content-Type: text/plain${crlf}${crlf}the bottom${crlf}`;

add('mime-deep', 'the depth is bounded', {
  headers: { 'Content-Type': 'multipart/mixed; boundary="top"' },
  body: `--top${crlf}${nested(2_000)}`,
});
add('mime-deep-mails', 'the depth is bounded', {
  headers: { 'Content-Type': 'message/rfc822' },
  body: `Content-Type: message/rfc822${crlf}${crlf}`.repeat(2_000),
});
add(
  'mime-thousand-parts',
  'the number of parts is bounded',
  withFiles(...Array.from({ length: 1_000 }, (_, n) => file(`filename="part-${n}.txt"`))),
);
add('mime-crowded', 'the number of parts is bounded', { headers: mixed, body: `--b${crlf}${crlf}`.repeat(100_000) });
add('mime-unclosed', 'the last part ends with the mail', {
  headers: mixed,
  body: part('Content-Type: text/plain', 'no end HOSTILE_mime-unclosed'),
});
add('mime-no-boundary', 'readable as text', { headers: { 'Content-Type': 'multipart/mixed' }, body: `--${crlf}${crlf}text${crlf}` });
add('mime-empty-boundary', 'readable as text', {
  headers: { 'Content-Type': 'multipart/mixed; boundary=""' },
  body: `--${crlf}${crlf}text${crlf}----${crlf}`,
});
add('mime-same-boundary', 'ends', {
  headers: mixed,
  body: `--b${crlf}Content-Type: multipart/mixed; boundary="b"${crlf}${crlf}--b${crlf}${crlf}inner${crlf}--b--${crlf}--b--${crlf}`,
});
add('mime-false-boundaries', 'no quadratic time', { headers: mixed, body: `--bx${crlf}`.repeat(100_000) });
add('mime-long-boundary', 'bounded', {
  headers: { 'Content-Type': `multipart/mixed; boundary="${'b'.repeat(100_000)}"` },
  body: `--${'b'.repeat(100_000)}${crlf}${crlf}x`,
});
add('mime-base64-junk', 'decoded as far as it goes', {
  headers: { ...utf8, 'Content-Transfer-Encoding': 'base64' },
  body: `=====SGVs!!!bG8\u00ff====${crlf}=`.repeat(2_000),
});
add('mime-quoted-junk', 'decoded as far as it goes', {
  headers: { ...utf8, 'Content-Transfer-Encoding': 'quoted-printable' },
  body: '=ZZ=0=\r\n=\n==41='.repeat(5_000),
});
add('mime-types', 'an unknown type is a file', { headers: { 'Content-Type': 'text/plain/../../x; =; ;;; charset' } });
add('mime-semicolons', 'no quadratic time', { headers: { 'Content-Type': `text/plain${';'.repeat(200_000)}` } });
add('mime-continuations', 'bounded', {
  headers: {
    'Content-Disposition': `attachment${Array.from({ length: 5_000 }, (_, n) => `; filename*${n}=a`).join('')}; filename*99999999999=b`,
  },
});

// --- HTML and long text --------------------------------------------------------------------------------------------

const pages: Readonly<Record<string, string>> = {
  deep: '<div>'.repeat(50_000),
  broad: `<table>${'<tr><td>x'.repeat(20_000)}`,
  open: '<'.repeat(500_000),
  attributes: `<p ${'a="b" '.repeat(50_000)}>`,
  list: '<ol start="999999999999999999999"><li>one<li>two</ol>',
  comment: `<!--${'-'.repeat(300_000)}`,
  entities: '&#27;[2J&#x9b;31m&#155;&#0;&#xD800;&#x110000;&ZeroWidthSpace;&rlm;&shy;&#x202e;HOSTILE_html-entities',
  script: '<script>HOSTILE</script><style>*{}</style><iframe src="http://127.0.0.1:1/"><img src=http://127.0.0.1:1/x><base href="//evil">x',
  links: Array.from({ length: 2_000 }, (_, n) => `<a href="https://evil.example/${n}">${n}</a>`).join(' '),
  schemes:
    '<a href="javascript:alert(1)">a</a><a href="file:///etc/passwd">b</a><a href="data:text/html,x">c</a><a href=" \u0001https://x.example">d</a>',
  hidden: '<p style="display:none">HOSTILE_hidden words<p style="font-size:0">and more',
  colspan: '<table><tr><td colspan="99999999">a<td rowspan="99999999">b</table>',
  pre: `<pre>${' '.repeat(200_000)}\t\t\u001b]0;HOSTILE_html-pre\u0007</pre>`,
  quotes: `${'<blockquote>'.repeat(1_000)}deep`,
  data: `<img src="data:image/png;base64,${'A'.repeat(500_000)}">`,
};
for (const [what, page] of Object.entries(pages))
  add(`html-${what}`, 'text within the limits, nothing fetched', { headers: html, body: `${page}${crlf}` });

add('text-empty-lines', 'bounded', { headers: utf8, body: crlf.repeat(500_000) });
add('text-one-line', 'wrapped and bounded', { headers: utf8, body: `${'word '.repeat(300_000)}${crlf}` });
add('text-no-blanks', 'wrapped and bounded', { headers: utf8, body: '\u6f22'.repeat(200_000) });
add('text-quotes', 'folded', { headers: utf8, body: `${'>'.repeat(500)} x${crlf}`.repeat(2_000) });
add('text-flowed', 'joined within bounds', {
  headers: { 'Content-Type': 'text/plain; format=flowed; delsp=yes' },
  body: `x ${crlf}`.repeat(100_000),
});
add('text-none', 'shown as empty', { body: '' });

// --- charsets ------------------------------------------------------------------------------------------------------

add('cs-unknown', 'shown as something', {
  headers: { 'Content-Type': 'text/plain; charset="x-evil\u001b[2J"' },
  body: 'gr\u00fc\u00dfe\r\n',
});
add('cs-utf16', 'shown as something', {
  headers: { 'Content-Type': 'text/plain; charset=utf-16' },
  body: Buffer.from('\u001b]0;HOSTILE_cs-utf16\u0007', 'utf16le'),
});
add('cs-utf7', 'no order behind UTF-7', {
  headers: { 'Content-Type': 'text/plain; charset=utf-7' },
  body: `+ABs-]0;HOSTILE_cs-utf7+AAc- +AJs-2J${crlf}`,
});
add('cs-iso-2022', 'its own escapes are eaten or dropped', {
  headers: { 'Content-Type': 'text/plain; charset=iso-2022-jp' },
  body: '\u001b$B4A;z\u001b(B \u001b$)C \u001b]0;HOSTILE_cs-iso-2022\u0007 \u001b$B',
});
add('cs-overlong', 'overlong forms are no characters', {
  headers: utf8,
  body: Buffer.from([0xc0, 0x9b, 0xe0, 0x80, 0x9b, 0xc1, 0x1b, 0x5b, 0x32, 0x4a]),
});
add('cs-words-junk', 'broken encoded-words stay as they are', {
  headers: { Subject: '=?utf-8?B?!!!?= =?x?Z?a?= =?utf-8?Q?=?= =??Q??= =?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?=' },
});
add('cs-words-many', 'no quadratic time', { headers: { Subject: `${'=?utf-8?Q?a?= '.repeat(20_000)}` } });
add('cs-words-in-words', 'nothing is decoded twice', { headers: { Subject: words(words('\u001b]0;HOSTILE_cs-words-in-words\u0007')) } });

// --- names of files ------------------------------------------------------------------------------------------------

const names: Readonly<Record<string, string>> = {
  parent: '../../../../tmp/HOSTILE_file-parent',
  absolute: '/etc/cron.d/HOSTILE_file-absolute',
  windows: 'C:\\Windows\\..\\HOSTILE.exe',
  dots: '....//....//..',
  hidden: '.bashrc',
  option: '-rf --no-preserve-root',
  device: 'CON.txt',
  slashes: 'a\u2044..\u2215..\uFF0F..\u29F8b',
  long: `${'n'.repeat(5_000)}.pdf`,
  blanks: '   \t  ',
  reversed: 'invoice\u202Efdp.exe',
  shell: '$(reboot);`id`|&.txt',
  lines: 'a\nb\r\nc.txt',
};
for (const [what, name] of Object.entries(names))
  add(`file-${what}`, 'saved under a clean name in the folder that was said', withFiles(file(`filename*=utf-8''${percent(name)}`)));
add(
  'file-twins',
  'two files of one name overwrite nothing',
  withFiles(file('filename="same.txt"', 'one'), file('filename="same.txt"', 'two')),
);
add('file-nested', 'the name inside a mail is cleaned as well', {
  headers: mixed,
  body: `${part('Content-Type: message/rfc822; name="../x.eml"', `Subject: inner \u001b]0;HOSTILE_file-nested\u0007${crlf}Content-Disposition: attachment; filename="../../y"${crlf}${crlf}x`)}--b--${crlf}`,
});

// --- threads -------------------------------------------------------------------------------------------------------

const ids = (count: number): string => Array.from({ length: count }, (_, n) => `<ref-${n}@evil.example>`).join(`${crlf} `);
add('thr-self', 'one conversation', { headers: { 'In-Reply-To': '<thr-self@evil.example>', References: '<thr-self@evil.example>' } });
add('thr-loop-a', 'one conversation', { headers: { References: '<thr-loop-b@evil.example>' } });
add('thr-loop-b', 'one conversation', { headers: { References: '<thr-loop-a@evil.example>' } });
add('thr-many-references', 'the first and the last of them count', { headers: { References: ids(10_000) } });
add('thr-same-id', 'another mail, not the same one', { headers: { 'Message-ID': '<thr-self@evil.example>', Subject: 'thr-same-id' } });
add('thr-forged', 'joins the thread and is marked by its address', {
  headers: { Subject: 'Re: thr-self', References: '<thr-self@evil.example>', From: 'Eva <mallory@evil.example>' },
  body: `Our bank account is a new one. HOSTILE_thr-forged${crlf}`,
});
add('thr-sql', 'an id is text', {
  headers: { 'Message-ID': "<'; DROP TABLE message; --@evil.example>", References: '<%_*"NEAR(a b)@evil.example>' },
});
add('thr-long-id', 'bounded', { headers: { 'Message-ID': `<${'i'.repeat(100_000)}@evil.example>` } });

add('dsn-forged', 'touches no mail of ours', {
  headers: { 'Content-Type': 'multipart/report; report-type=delivery-status; boundary="b"', 'Auto-Submitted': 'auto-replied' },
  body: `${part('Content-Type: text/plain', 'It failed.')}${part('Content-Type: message/delivery-status', `Final-Recipient: rfc822; \u001b]0;HOSTILE_dsn-forged\u0007${crlf}Action: failed`)}--b--${crlf}`,
});
add('cal-bomb', 'shown as a file', {
  headers: { 'Content-Type': 'text/calendar; method=REQUEST' },
  body: `BEGIN:VCALENDAR${crlf}BEGIN:VEVENT${crlf}SUMMARY:\u001b]0;HOSTILE_cal-bomb\u0007${crlf}RRULE:FREQ=SECONDLY;COUNT=999999999${crlf}END:VEVENT${crlf}END:VCALENDAR${crlf}`,
});

export const hostileMails: readonly HostileMail[] = made;

/** Mails of one forged thread: each is within its limits, together they are more than one answer may hold. */
export function* bloatedThread(count: number, charactersEach: number): Generator<Buffer> {
  for (let n = 0; n < count; n++) {
    const header = [
      'From: Mallory <mallory@evil.example>',
      'To: support@harbour.example',
      `Subject: ${n === 0 ? '' : 'Re: '}bloated`,
      `Date: ${new Date(Date.UTC(2026, 2, 1) + n * 60_000).toUTCString().replace('GMT', '+0000')}`,
      `Message-ID: <bloated-${n}@evil.example>`,
      ...(n === 0 ? [] : ['References: <bloated-0@evil.example>']),
      'Content-Type: text/plain; charset=utf-8',
    ].join(crlf);
    yield Buffer.from(`${header}${crlf}${crlf}${`mail ${n} ${'x'.repeat(60)}${crlf}`.repeat(Math.ceil(charactersEach / 70))}`);
  }
}

/** Names of folders that a hostile server lists. */
export const hostileFolders: readonly string[] = [
  ...Object.values(payloads).map((payload) => payload('HOSTILE_folder').replace(/[\r\n\0]/g, '')),
  ...Object.values(deceptions),
  '../../etc',
  '-rf',
  'inbox',
  '__proto__',
  'a"b\\c{3}',
  'x'.repeat(500),
];
