import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ownText, quoteBlocks } from '../protocol/quotes.ts';
import { folds } from '../tui/fold.ts';

const kinds = (text: string): string => {
  const lines = text.split('\n');
  const shown: string[] = [];
  for (const { kind, from, to } of quoteBlocks(lines)) shown.push(`${kind} ${lines.slice(from, to).join('|')}`);
  return shown.join(' / ');
};

describe('what is a quote', () => {
  test.each([
    ['Hello\n> old\n> older', 'text Hello / quote > old|> older'],
    ['Hello\nOn Tue, Jane wrote:\n> old', 'text Hello / quote On Tue, Jane wrote:|> old'],
    ['Hallo\nAm 4. März schrieb Jane\n<jane@example.org>:\n> alt', 'text Hallo / quote Am 4. März schrieb Jane|<jane@example.org>:|> alt'],
    ['いつもお世話に\n2026年3月4日 山田さんのメール：\n> 古い', 'text いつもお世話に / quote 2026年3月4日 山田さんのメール：|> 古い'],
    ['Hi\n-- \nJane', 'text Hi / signature -- |Jane'],
    ['Hi\n-- \nJane\n> old', 'text Hi / signature -- |Jane / quote > old'],
    ['Hi\n-----Original Message-----\nFrom: x', 'text Hi / quote -----Original Message-----|From: x'],
    ['Hi\nFrom: Jane\nSent: Monday\nTo: Ben\nold', 'text Hi / quote From: Jane|Sent: Monday|To: Ben|old'],
    ['From: here\nto there', 'text From: here|to there'],
    ['FYI\n---- Forwarded message ----\n> not a quote', 'text FYI / text ---- Forwarded message ----|> not a quote'],
    ['FYI\n-- \nBen\n---- Forwarded message ----\nFrom: x', 'text FYI / signature -- |Ben / text ---- Forwarded message ----|From: x'],
    ['On balance we wrote:\nnothing', 'quote On balance we wrote:|nothing'],
    ['5 > 3 and x > y', 'text 5 > 3 and x > y'],
  ])('%j', (text, wanted) => expect(kinds(text)).toBe(wanted));
});

test('the blocks are all the lines, in order', () => {
  const line = fc.constantFrom('', 'text', '> quote', '>> deeper', '-- ', 'On Tue, Jane wrote:', 'From: x', 'To: y', '__________');
  fc.assert(
    fc.property(fc.array(line, { maxLength: 60 }), (lines) => {
      let at = 0;
      for (const { from, to } of quoteBlocks(lines)) {
        expect(from).toBe(at);
        expect(to).toBeGreaterThan(from);
        at = to;
      }
      expect(at).toBe(lines.length);
    }),
  );
});

test('short quotes with answers below stay, and a mail that is all quote is readable', () => {
  const folded = (text: string): boolean[] => {
    const lines = text.split('\n');
    const found: boolean[] = [];
    let seen = false;
    for (const block of quoteBlocks(lines)) {
      if (block.kind === 'quote') found.push(folds(block, lines, seen));
      seen = true;
    }
    return found;
  };
  expect(folded('> when?\nTomorrow.\n> and where?\nHere.\n')).toEqual([false, false]);
  expect(folded('> a\n> b\n> c\n> d\nYes.\n')).toEqual([true]);
  expect(folded('Thanks\n> one line\n')).toEqual([true]);
  expect(folded('> all\n> of\n> it\n> is\n> quoted\n\n')).toEqual([false]);
});

test("an author's own words", () => {
  expect(ownText('Mine\n> theirs\n-- \nname').trim()).toBe('Mine');
});

test('the beginning of a huge mail is cut without looking at its end', () => {
  const lines = Array<string>(1_000_000).fill('a line of text');
  const first = quoteBlocks(lines).next().value;
  expect(first).toEqual({ kind: 'text', from: 0, to: 200 });
});

describe('how many lines are what', () => {
  const shape = (text: string): string => {
    const counts: { kind: string; lines: number }[] = [];
    for (const { kind, from, to } of quoteBlocks(text.split('\n'))) {
      const last = counts.at(-1);
      if (last?.kind === kind) last.lines += to - from;
      else counts.push({ kind, lines: to - from });
    }
    return counts.map(({ kind, lines }) => `${kind} ${lines}`).join(', ');
  };
  const folded = (text: string): number => [...quoteBlocks(text.split('\n'))].length;

  test.each([
    ['nothing quoted', 'Hello,\n\nworld', 'text 3'],
    ['marked', 'Yes.\n\n> Really?\n>\n> Yes?\n\nBye', 'text 2, quote 3, text 2'],
    ['an attribution', 'Yes.\n\nOn Tue, 3 Mar 2026 at 10:15, Jane Cooper <jane@example.com> wrote:\n> Really?', 'text 2, quote 2'],
    ['one over two lines', 'Yes.\n\nOn Tue, 3 Mar 2026 at 10:15, Jane Cooper\n<jane@example.com> wrote:\n\n> Really?', 'text 2, quote 4'],
    ['German', 'Ja.\n\nAm 03.03.2026 um 17:12 schrieb Jane:\n> Wirklich?', 'text 2, quote 2'],
    ['French', 'Oui.\n\nLe mar. 3 mars 2026 à 10:15, Jane a écrit :\n> Vraiment ?', 'text 2, quote 2'],
    ['Spanish', 'Sí.\n\nEl 3/3/26 a las 10:15, Jane escribió:\n> ¿De verdad?', 'text 2, quote 2'],
    ['unmarked below an attribution', 'Yes.\n\nOn Tue, Jane wrote:\n\nReally?\n\nAsking.', 'text 2, quote 5'],
    ['Outlook', 'Yes.\n\n-----Original Message-----\nFrom: Jane\nReally?', 'text 2, quote 3'],
    ['Outlook in German', 'Ja.\n\n-----Ursprüngliche Nachricht-----\nVon: Jane\nWirklich?', 'text 2, quote 3'],
    [
      'headers below a rule',
      'Yes.\n\n________________________________\nFrom: Jane\nSent: Tuesday\nTo: Support\n\nReally?',
      'text 2, quote 6',
    ],
    ['a signature', 'Yes.\n-- \nJane\nExample Ltd.', 'text 1, signature 3'],
    ['a signature above a quote', 'Yes.\n-- \nJane\n> Really?', 'text 1, signature 2, quote 1'],
    ['a forward is content', 'See below.\n\n---------- Forwarded message ---------\nFrom: Jane\nDate: Tue\nTo: x\n\n> hi', 'text 8'],
    ['an ordinary sentence', 'On Tuesday we met.\nThen she wrote: nothing', 'text 2'],
  ])('%s', (_, text, expected) => {
    expect(shape(text)).toBe(expected);
  });

  test('folding loses no line', () => {
    const line = fc.constantFrom(
      '',
      'Hello',
      '> quoted',
      '>> deep',
      'On Monday, Jane wrote:',
      '-- ',
      '-----Original Message-----',
      'From: Jane',
      'Sent: x',
      'To: y',
      '____________',
      'Am Montag schrieb Jane:',
    );
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 30 }), (lines) => {
        expect([...quoteBlocks(lines)].flatMap(({ from, to }) => lines.slice(from, to))).toEqual(lines);
      }),
    );
  });

  test('a body of half a million lines is folded at once', () => {
    // quadratic work would take hours
    folded('>'.repeat(20_000) + '\n'.repeat(500_000));
    folded('On x\n'.repeat(100_000));
    folded('____________\n\n'.repeat(50_000));
  });
});

describe('where the older mail begins', () => {
  /** The author's own lines, and how many lines are quoted. */
  const own = (text: string): string => ownText(text).trim();

  test.each([
    'On Mon, 30 Nov 2026 at 10:00, The Support Team of Harbour <\nsupport@example.org> wrote:\n\n> old',
    'On Mon, 30 Nov 2026 at 10:00, The Support Team of Harbour\n<support@example.org>\nwrote:\n\n> old',
    'Am Mo., 30. Nov. 2026 um 10:00 Uhr schrieb Support <\nsupport@example.org>:\n\n> alt',
    'Op ma 30 nov. 2026 om 10:00 schreef Support <support@example.org>:\n\n> oud',
    'Den mån 30 nov. 2026 kl 10:00 skrev Support <support@example.org>:\n\n> gammal',
    'man. 30. nov. 2026 kl. 10:00 skrev Support <support@example.org>:\n\n> gammel',
    'Il giorno lun 30 nov 2026 alle ore 10:00 Support <support@example.org>\nha scritto:\n\n> vecchio',
    'Em seg., 30 de nov. de 2026 às 10:00, Support <support@example.org> escreveu:\n\n> antigo',
    'pon., 30 lis 2026 o 10:00 Support <support@example.org> napisał(a):\n\n> stary',
    'po 30. 11. 2026 v 10:00 odesílatel Support <support@example.org> napsal:\n\n> starý',
    'пн, 30 нояб. 2026 г. в 10:00, Support <support@example.org>:\n\n> старое',
    '30.11.2026 10:00, Support пишет:\n> старое',
    'În lun., 30 nov. 2026 la 10:00, Support <support@example.org> a scris:\n\n> vechi',
    'Στις Δευ 30 Νοε 2026 στις 10:00 π.μ., ο χρήστης Support <support@example.org> έγραψε:\n\n> παλιό',
    'ma 30. marrask. 2026 klo 10.00 Support (support@example.org) kirjoitti:\n\n> vanha',
    'Support <support@example.org> ezt írta (időpont: 2026. nov. 30., H, 10:00):\n\n> régi',
    'Support <support@example.org>, 30 Kas 2026 Pzt, 10:00 tarihinde şunu yazdı:\n\n> eski',
    'Support <support@example.org> 于2026年11月30日周一 10:00写道：\n\n> 旧',
    '2026年11月30日(月) 10:00 Support <support@example.org>:\n\n> 古い',
    '2026년 11월 30일 (월) 오전 10:00, Support <support@example.org>님이 작성:\n\n> 이전',
    'Vào Th 2, 30 thg 11, 2026 vào lúc 10:00 Support <support@example.org> đã viết:\n\n> cũ',
    'Support <support@example.org> wrote on 30/11/2026 10:00:\n> old',
    'Zitat von Support <support@example.org>:\n\n> alt',
    '* Support <support@example.org> [2026-11-30 10:00]:\n> old',
    '---- On Mon, 30 Nov 2026 10:00:00 +0100 Support <support@example.org> wrote ----\n\nold',
  ])('an attribution: %j', (quote) =>
    expect(own(`Thanks, I have it.\n\n${quote}\nmore of it`.replace('\nmore of it', quote.includes('----') ? '\nolder' : ''))).toBe(
      'Thanks, I have it.',
    ),
  );

  test.each([
    'From: Support [mailto:support@example.org]\nSent: Sunday, November 29, 2026 10:00 AM\nTo: Jane Cooper\nSubject: Order',
    'From: Support <support@example.org>\nDate: Sunday, 29 November 2026 at 10:00\nTo: Jane Cooper <jane@example.com>,\n Ben <ben@example.com>\nCc: Eva\nSubject: Order',
    '*From:* Support <support@example.org>\n*Sent:* Sunday\n*To:* Jane\n*Subject:* Order',
    'From: Support <support@example.org>\n\nSent: Sunday\n\nTo: Jane\n\nSubject: Order',
    'Von: Support <support@example.org>\nGesendet: Sonntag, 29. November 2026 10:00\nAn: Jane\nBetreff: Bestellung',
    'Gesendet: Sonntag, 29. November 2026 um 10:00 Uhr\nVon: "Support" <support@example.org>\nAn: jane@example.com\nBetreff: Bestellung',
    'De : Support <support@example.org>\nEnvoyé : dimanche 29 novembre 2026 10:00\nÀ : Jane\nObjet : Commande',
    'De: Support <support@example.org>\nEnviado el: domingo, 29 de noviembre de 2026 10:00\nPara: Jane\nAsunto: Pedido',
    'Da: Support <support@example.org>\nInviato: domenica 29 novembre 2026 10:00\nA: Jane\nOggetto: Ordine',
    'Van: Support <support@example.org>\nVerzonden: zondag 29 november 2026 10:00\nAan: Jane\nOnderwerp: Bestelling',
    'Från: Support <support@example.org>\nSkickat: den 29 november 2026 10:00\nTill: Jane\nÄmne: Order',
    'Fra: Support <support@example.org>\nSendt: 29. november 2026 10:00\nTil: Jane\nEmne: Ordre',
    'Od: Support <support@example.org>\nWysłano: niedziela, 29 listopada 2026 10:00\nDo: Jane\nTemat: Zamówienie',
    'Od: Support <support@example.org>\nOdesláno: neděle 29. listopadu 2026 10:00\nKomu: Jane\nPředmět: Objednávka',
    'Lähettäjä: Support <support@example.org>\nLähetetty: sunnuntai 29. marraskuuta 2026 10.00\nVastaanottaja: Jane\nAihe: Tilaus',
    'От: Support <support@example.org>\nОтправлено: 29 ноября 2026 г. 10:00\nКому: Jane\nТема: Заказ',
    'Kimden: Support <support@example.org>\nGönderildi: 29 Kasım 2026 Pazar 10:00\nKime: Jane\nKonu: Sipariş',
    'Feladó: Support <support@example.org>\nElküldve: 2026. november 29. 10:00\nCímzett: Jane\nTárgy: Rendelés',
    '发件人: Support <support@example.org>\n发送时间: 2026年11月29日 10:00\n收件人: Jane\n主题: 订单',
    '差出人: Support <support@example.org>\n送信日時: 2026年11月29日 10:00\n宛先: Jane\n件名: 注文',
    '보낸 사람: Support <support@example.org>\n보낸 날짜: 2026년 11월 29일 10:00\n받는 사람: Jane\n제목: 주문',
    '________________________________\nFrom: Support\nDate: Sunday\nTo: Jane',
    '--------------------\n\nFrom: Support\nDate: Sunday\nTo: Jane',
    '-----Original Message-----\nanything',
    '-------- Original-Nachricht --------\nDatum: gestern',
    '----- Původní zpráva -----\nOd: x',
    '----- 원본 메시지 -----\nx',
  ])('a head: %j', (head) => {
    const text = `Yes, please.\n\nJane\n\n${head}\n\nDo you still want it?\n\nSupport`;
    expect(own(text)).toBe('Yes, please.\n\nJane');
  });

  test.each([
    'From: Hamburg\nTo: Oslo\nDate: Monday\nThree of us.',
    'From: Jane <jane@example.com>\nSubject: A question\n\nMessage:\nWhere is it?',
    'Name: Jane\nDate: Monday\nTo: whom it may concern',
    'On Tuesday we met:\nshe was late.',
    'Three things:\n- one\n- two',
    'At 10:00 these came:\nred, green',
    'To: all\nFrom: me\nSent: never',
    'A: yes\nB: no',
    '-- not a rule',
  ])('none: %j', (text) => expect(own(text)).toBe(text));

  test.each([
    'Begin forwarded message:',
    'Anfang der weitergeleiteten Nachricht:',
    '-------- Forwarded Message --------',
    '---------- Weitergeleitete Nachricht ---------',
    '---------- Doorgestuurd bericht ---------',
    '-------- Пересылаемое сообщение --------',
    '---------- 转发的邮件 ----------',
  ])('a forward is content: %j', (mark) => {
    const text = `See below.\n\n${mark}\n\nFrom: Jane <jane@example.com>\nDate: Monday\nTo: x\nSubject: y\n\nWhere is it?`;
    expect(own(text)).toBe(text);
  });

  test('answers between quotes are the author’s', () => {
    const text =
      'On Sun, 29 Nov 2026, Support wrote:\n> Which size?\n> a\n> b\n> c\n\nLarge.\n\n> Which colour?\n> d\n> e\n> f\n\nBlue.\n\n> Bye';
    expect(own(text).split(/\n+/)).toEqual(['Large.', 'Blue.']);
    expect(kinds(text)).toBe(
      'quote On Sun, 29 Nov 2026, Support wrote:|> Which size?|> a|> b|> c / text |Large.| / quote > Which colour?|> d|> e|> f / text |Blue.| / quote > Bye',
    );
  });

  test('half a million lines that might be heads cost no more than their number', () => {
    // quadratic work would take hours
    for (const line of ['From: a@x.org\n', 'From: a\nTo: b\n', 'Am 1.1.2026 10:00 x\n', 'x@y.org 10:00:\n', '----------\n\n'])
      expect([...quoteBlocks(line.repeat(100_000).split('\n'))].length).toBeGreaterThan(0);
  });
});
