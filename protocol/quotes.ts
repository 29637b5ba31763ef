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
  [/^Le\b/, /\ba\s+écrit\s?:$/],
  [/^El\b/, /\bescribi[óo]\s?:$/],
  [/^Il\b/, /\bha\s+scritto\s?:$/],
  [/^Op\b/, /\bschreef\b.{0,120}:$/],
  [/^(?:Den|På|Fra|Från)\b/, /\b(?:skrev|wrote)\b.{0,120}:$/],
  [/^(?:W dniu|Dnia|\S{1,6} \d)/, /\b(?:napisał|napisała|pisze|napisał\(a\))\s?:$/],
  [/^(?:Em|No dia)\b/, /\bescreveu\s?:$/],
  [/^Dne\b/, /\bnapsal(?:\(a\)|a)?\s?:$/],
  [/^\d{1,4}[.\-/年]/, /(?:wrote|schrieb|пишет|написала?|написал\(а\)|写道|書きました|のメール|작성)\s?[:：]$/u],
];
const maxAttribution = 400;

/** A line after which a program puts the mail that is answered, not marked by `>`. */
const originalMessage =
  /^\s*-{2,}\s*(?:original message|original appointment|ursprüngliche nachricht|originalnachricht|message d['’]origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|ursprungligt meddelande|opprinnelig melding|oprindelig meddelelse|alkuperäinen viesti|wiadomość oryginalna|původní zpráva|исходное сообщение|原始邮件|元のメッセージ)\s*-{2,}\s*$/iu;
/** Outlook's block of headers in the text: a From line, and near it a date or an addressee. */
const headFrom = /^\*?(?:From|Von|De|Da|Van|Från|Fra|Lähettäjä|Od|От|发件人|差出人)\*?\s?[:：]\*?\s+\S/u;
const headMore =
  /^\*?(?:Sent|Date|To|Gesendet|Datum|An|Envoyé|À|Enviado|Para|Inviato|Data|A|Verzonden|Aan|Skickat|Till|Sendt|Til|Wysłano|Do|Отправлено|Кому|发送时间|收件人|送信日時|宛先)\*?\s?[:：]\*?\s/u;
/** Forwarded mail is content, not a quote. */
const forwarded = /^\s*-{2,}\s*(?:forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|inoltrato)/iu;

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
  if (languages.length === 0) return 0;
  let joined = first;
  for (let count = 1; count <= 3; count++) {
    if (languages.some(([, end]) => end.test(joined))) return count;
    const next = (lines[at + count] ?? '').slice(0, maxAttribution).trim();
    if (next === '' || joined.length > maxAttribution) return 0;
    joined = `${joined} ${next}`;
  }
  return 0;
}

function beginsUnmarkedQuote(lines: readonly string[], at: number): boolean {
  const line = (lines[at] ?? '').slice(0, maxAttribution);
  if (originalMessage.test(line)) return true;
  const head = /^\s*_{10,}\s*$/.test(line) ? firstFilled(lines, at + 1) : at;
  if (!headFrom.test((lines[head] ?? '').slice(0, maxAttribution))) return false;
  return [1, 2].filter((n) => headMore.test((lines[head + n] ?? '').slice(0, maxAttribution))).length === 2;
}

/** What the author wrote, without quotes and signature. */
export function ownText(text: string): string {
  const lines = text.split('\n');
  const own: string[] = [];
  for (const { kind, from, to } of quoteBlocks(lines)) if (kind === 'text') own.push(...lines.slice(from, to));
  return own.join('\n');
}
