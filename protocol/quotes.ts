/**
 * Which lines of a body its author wrote, which they quoted, and which are their signature. Both sides ask: the daemon for snippets and
 * for what an answer quotes, screens for folding. Pure, and lazy: only as much of a long mail is looked at as is drawn.
 */

export type Block = {
  readonly kind: 'text' | 'quote' | 'signature';
  /** Indices of lines, `to` exclusive. */
  readonly from: number;
  readonly to: number;
};

/** "On Tuesday, Jane wrote:", over one to three lines. Each language: how the line begins, and the verb that ends it. */
const attributions: readonly (readonly [RegExp, RegExp])[] = [
  [/^On\b/, /\bwrote\s?:$/],
  [/^Am\b/, /\b(?:schrieb|geschrieben)\b.{0,120}:$/],
  [/^(?:Le|Lors)\b/, /\ba\s+écrit\s?:$/],
  [/^El\b/, /\bescribi[óo]\s?:$/],
  [/^Il\b/, /\bha\s+scritto\s?:$/],
  [/^Op\b/, /\bschreef\b.{0,120}:$/],
  [/^(?:Den|På|Fra|Från|(?:man|tirs?|ons?|tors?|fre|lør|lör|søn|sön|mån|tis)[a-zåäöæø]{0,5}\.?,? \d)/i, /\b(?:skrev|wrote)\b.{0,120}:$/],
  [/^(?:W dniu|Dnia|\S{1,6} \d)/, /\b(?:napisał|napisała|pisze|napisał\(a\))\s?:$/],
  [/^(?:Em|A|No dia)\b/, /\bescreveu\s?:$/],
  [/^(?:Dne\b|Dňa\b|\S{1,4} \d)/, /\bnap[íi]sal(?:\(a\)|a)?\s?:$/],
  [/^(?:În|Pe|La)\s/, /\ba\s+scris\s?:$/],
  [/^(?:\S{1,4} \d|\d)/, /\bkirjoitti\s?:$/],
  [/^Στις\s/, /έγραψε\s?:$/],
  [/^Vào\s/, /đã viết\s?:$/],
  [/^(?:Pada|Op)\s/, /\b(?:menulis|schryf)\b.{0,120}:$/],
  [/^\d{1,4}[.\-/年년]/, /(?:wrote|schrieb|пишет|пише|написала?|написал\(а\)|写道|寫道|書きました|のメール|작성|님이 작성)\s?[:：]$/u],
  [/^(?:пн|вт|ср|чт|пт|сб|вс|нд|В|У)[\s,.]/u, /(?:пишет|пише|написала?|написал\(а\)|написав|написала\(в\))\s?:$/u],
];
/** The name first: "Jane Cooper <jane@example.com> wrote:", "Zitat von …", "… schrieb am 3. März 2026 um 10:15:". */
const namedAttribution =
  /^(?:(?:Quoting|Zitat von|Citando a?|Citat från)\s.{1,200}|.{1,200}[>\d].{0,80}(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|skrev|schreef|escreveu|napisał\(a\)|пишет|写道|寫道|yazdı|ezt írta).{0,80}|.{1,100}\b(?:schrieb am|wrote on|escribió el|a écrit le)\s.{4,100})\s?[:：]$/u;
/** What any attribution holds, in whatever language: an address, or a date with a year or a time. */
const evidence = /[^\s<>]@[^\s<>]|\b(?:19|20)\d\d\b|\b\d{1,2}[:.]\d\d\b|\d[年년]/u;
const maxAttribution = 400;

/** A line after which a program puts the mail that is answered, not marked by `>`. */
const originalMessage =
  /^\s*-{2,}\s*(?:original message|original appointment|reply message|ursprüngliche nachricht|ursprünglicher termin|original-? ?nachricht|message d['’]origine|message original|message initial|mensaje original|missatge original|mensagem original|messaggio originale|oorspronkelijk bericht|ursprungligt meddelande|opprinnelig melding|oprindelig meddelelse|alkuperäinen viesti|wiadomość oryginalna|oryginalna wiadomość|původní zpráva|pôvodná správa|eredeti üzenet|mesaj original|orijinal (?:mesaj|ileti)|izvorna poruka|αρχικό μήνυμα|исходное сообщение|оригинальное сообщение|оригінальне повідомлення|原始邮件|原始郵件|邮件原件|元のメッセージ|원본 메시지|원본 메일|הודעה מקורית|الرسالة الأصلية)\s*-{2,}\s*$/iu;
/** Zoho: `---- On Mon, 30 Nov 2026 10:00:00 +0100 Jane <jane@example.com> wrote ----`. */
const framedAttribution = /^\s*-{2,}\s*(?:On|Am|Le|El|Il)\s.{5,200}\s(?:wrote|schrieb|a écrit|escribió|ha scritto)\s*:?\s*-{2,}\s*$/u;
/** Outlook's block of headers in the text. Each language has words for who, when, to whom and about what. */
const labels: readonly (readonly ['from' | 'sent' | 'date' | 'to' | 'subject', string])[] = [
  [
    'from',
    'From|Von|De|De la|Da|Van|Från|Fra|Lähettäjä|Od|Nadawca|От|Від|Από|Feladó|Kimden|Gönderen|Saatja|Nuo|No|Dari|Từ|Expéditeur|Mittente|Remitente|Absender|发件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|มาจาก|จาก|מאת|من',
  ],
  [
    'sent',
    'Sent|Gesendet|Envoyé|Envoyé le|Enviado|Enviado el|Enviada em|Enviat|Inviato|Verzonden|Skickat|Sendt|Lähetetty|Wysłano|Wysłane|Odesláno|Odoslané|Отправлено|Надіслано|Στάλθηκε|Elküldve|Küldve|Gönderildi|Gönderilen|Trimis|Poslano|Saadetud|发送时间|寄件日期|傳送時間|送信日時|보낸 날짜|נשלח|تاريخ الإرسال',
  ],
  [
    'date',
    'Date|Datum|Fecha|Data|Dato|Päivämäärä|Päiväys|Дата|Ημερομηνία|Dátum|Tarih|Datums|Tanggal|Ngày|日期|日時|时间|날짜|תאריך|التاريخ',
  ],
  [
    'to',
    'To|An|À|A|Para|Aan|Till|Til|Vastaanottaja|Do|Komu|Кому|Προς|Címzett|Kime|Alıcı|Către|Za|Kam|Kepada|Đến|Destinataire|Destinatario|收件人|收件者|宛先|받는 사람|받는사람|אל|إلى',
  ],
  [
    'subject',
    'Subject|Betreff|Objet|Asunto|Assumpte|Assunto|Oggetto|Onderwerp|Ämne|Emne|Aihe|Temat|Předmět|Predmet|Тема|Θέμα|Tárgy|Konu|Subiect|Teema|Subjek|Chủ đề|主题|主旨|件名|제목|נושא|الموضوع',
  ],
];
const labelled = new RegExp(
  `^\\s{0,8}[*_]{0,2}(?:${labels.map(([kind, words]) => `(?<${kind}>${words})`).join('|')})\\s?[:：][*_]{0,2}\\s`,
  'u',
);
/** How far the labels of one block may be apart: addressees go on over lines, and some programs put empty ones between. */
const maxLabelLines = 14;

/** Forwarded mail is content, not a quote. */
const forwarded =
  /^\s*(?:-{2,}\s*(?:forwarded (?:message|by|mail)|weitergeleitete (?:nachricht|e?-?mail)|weitergeleitet von|message transféré|mail transféré|message réexpédié|mensaje reenviado|missatge reenviat|mensagem (?:encaminhada|reencaminhada)|(?:messaggio )?inoltrat|messaggio inoltrato|doorgestuurd bericht|vidarebefordrat|vidaresänt|videresendt|välitetty|wiadomość przekazana|przekazana wiadomość|přeposlaná zpráva|preposlaná správa|továbbított|mesaj redirecționat|i̇letilen|iletilen|προωθημένο|пересылаемое|пересланное|переслане|转发|轉寄|転送|전달된)|(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-?mail)|début du message (?:réexpédié|transféré)|inicio del mensaje reenviado|início da mensagem (?:encaminhada|reencaminhada)|inizio messaggio inoltrato|begin doorgestuurd bericht|vidarebefordrat brev|videresendt (?:besked|melding)|początek przekazywanej wiadomości|начало переадресованного сообщения|开始转发的邮件|転送されたメッセージ)\s?[:：]\s*$)/iu;

/** A text block is given in pieces of at most this many lines. */
const pieceLines = 200;

/** The blocks in order: together they are all the lines. Neighbours may be of one kind. */
export function* quoteBlocks(lines: readonly string[]): Generator<Block> {
  let from = 0;
  let at = 0;
  while (at < lines.length) {
    const found = beginsAt(lines, at);
    if (found === null) {
      at += 1;
      if (at - from < pieceLines) continue;
      yield { kind: 'text', from, to: at };
      from = at;
      continue;
    }
    if (at > from) yield { kind: 'text', from, to: at };
    yield found;
    at = found.to;
    from = at;
  }
  if (at > from) yield { kind: 'text', from, to: at };
}

/** The quote, signature or forwarded mail that begins at a line, or null when it is a line of text. */
function beginsAt(lines: readonly string[], at: number): Block | null {
  const line = lines[at] ?? '';
  // Most lines of the worst mails.
  if (line === '') return null;
  const all = lines.length;
  if (forwarded.test(line.slice(0, maxAttribution))) return { kind: 'text', from: at, to: all };
  if (isSignatureMark(line)) return { kind: 'signature', from: at, to: signatureEnd(lines, at) };
  if (isQuoted(line)) return { kind: 'quote', from: at, to: quoteEnd(lines, at) };
  if (beginsUnmarkedQuote(lines, at)) return { kind: 'quote', from: at, to: all };
  const attribution = attributionLines(lines, at);
  if (attribution === 0) return null;
  const next = firstFilled(lines, at + attribution);
  // A program that does not mark what it quotes: all that follows is the older mail.
  const to = next === all ? all : isQuoted(lines[next] ?? '') ? quoteEnd(lines, next) : all;
  return { kind: 'quote', from: at, to };
}

const isQuoted = (line: string): boolean => /^ {0,2}>/.test(line);
/** RFC 3676, 4.3; many programs lose the blank after the dashes. */
const isSignatureMark = (line: string): boolean => line === '-- ' || line === '--';

function quoteEnd(lines: readonly string[], from: number): number {
  let end = from;
  for (let at = from; at < lines.length; at++) {
    if (isQuoted(lines[at] ?? '')) end = at + 1;
    else if ((lines[at] ?? '').trim() !== '') break;
  }
  return end;
}

/** A signature ends where a quote or a forwarded mail begins: below a bottom signature there is nothing, above a quote there may be one. */
function signatureEnd(lines: readonly string[], from: number): number {
  for (let at = from + 1; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (
      isQuoted(line) ||
      forwarded.test(line.slice(0, maxAttribution)) ||
      beginsUnmarkedQuote(lines, at) ||
      attributionLines(lines, at) > 0
    )
      return at;
  }
  return lines.length;
}

/** The first line from `from` on that holds anything; the number of lines when none does. */
export function firstFilled(lines: readonly string[], from: number): number {
  let at = from;
  while (at < lines.length && (lines[at] ?? '').trim() === '') at++;
  return at;
}

/** How many lines from `at` are an attribution: 0 to 3. */
function attributionLines(lines: readonly string[], at: number): number {
  const first = (lines[at] ?? '').slice(0, maxAttribution).trim();
  const languages = attributions.filter(([begin]) => begin.test(first));
  const ends = [0, 1, 2].some((more) => /[:：]\s*$/.test((lines[at + more] ?? '').slice(0, maxAttribution)));
  if (!ends || (languages.length === 0 && !evidence.test(first))) return 0;
  let joined = first;
  for (let count = 1; count <= 3; count++) {
    if (languages.some(([, end]) => end.test(joined))) return count;
    // In a language that is not known here, and by a verb in the middle, only what is marked is taken for quoted.
    if (/[:：]$/.test(joined) && (evidence.test(joined) || namedAttribution.test(joined)) && isQuotedNext(lines, at + count)) return count;
    const next = (lines[at + count] ?? '').slice(0, maxAttribution).trim();
    if (next === '' || joined.length > maxAttribution) return 0;
    joined = `${joined} ${next}`;
  }
  return 0;
}

/** Whether a marked line follows, after at most one empty one. */
function isQuotedNext(lines: readonly string[], at: number): boolean {
  const next = (lines[at] ?? '').trim() === '' ? at + 1 : at;
  return isQuoted(lines[next] ?? '');
}

function beginsUnmarkedQuote(lines: readonly string[], at: number): boolean {
  const line = (lines[at] ?? '').slice(0, maxAttribution);
  if (originalMessage.test(line) || framedAttribution.test(line)) return true;
  const ruled = /^\s*[_-]{10,}\s*$/.test(line);
  const head = ruled ? firstFilled(lines, at + 1) : at;
  return head <= at + maxLabelLines && isHeaderBlock(lines, head, ruled);
}

/**
 * A mail's head in the text: who and when first, and to whom or about what. Somebody who writes where a journey goes from and to, or a
 * form that is filled in, has no date of sending there, or no address.
 */
function isHeaderBlock(lines: readonly string[], head: number, ruled: boolean): boolean {
  const found = new Set<string>();
  let address = false;
  let empty = 0;
  for (let at = head; at < Math.min(lines.length, head + maxLabelLines); at++) {
    const line = (lines[at] ?? '').slice(0, maxAttribution);
    const groups = labelled.exec(`${line} `)?.groups;
    const kind = groups === undefined ? undefined : labels.find(([name]) => groups[name] !== undefined)?.[0];
    if (at === head && kind !== 'from' && kind !== 'sent' && kind !== 'date') return false;
    if (kind !== undefined) {
      // The same again is another head.
      if (found.has(kind)) break;
      found.add(kind);
      address ||= kind === 'from' && line.includes('@');
      empty = 0;
    } else if (line.trim() !== '') {
      // Addressees go on in the next line; anything else ends the head.
      if (!found.has('to') || empty > 0) break;
    } else if (++empty > 1) break;
  }
  const dated = found.has('sent') || found.has('date');
  const sure = ruled || address || found.has('sent') || found.has('subject');
  return found.has('from') && dated && (found.has('to') || found.has('subject')) && sure;
}

/** What the author wrote, without quotes and signature. */
export function ownText(text: string): string {
  const lines = text.split('\n');
  const own: string[] = [];
  for (const { kind, from, to } of quoteBlocks(lines)) if (kind === 'text') own.push(...lines.slice(from, to));
  return own.join('\n');
}
