/**
 * Which text parts of a mail are shown: of a multipart/alternative one version, of everything else all, in order (RFC 2046 5.1.3, 5.1.4).
 * A plain half that says nothing gives way to the HTML beside it. Pure; both readings of a mail decide by this one function.
 */

/** One branch of a multipart/alternative around a part, the outermost first. */
export type Choice = { alternative: number; branch: number };

export type Version = {
  html: boolean;
  within: readonly Choice[];
  /** The text as it is indexed, or as much of it as `atLeast`. Asked only where a decision hangs on it, since HTML must be read for it. */
  words(atLeast?: number): string;
};

/** The parts of `all` that are shown, in their order. */
export function shownOf<V extends Version>(all: readonly V[]): V[] {
  const alternatives = [...new Set(all.flatMap(({ within }) => within.map(({ alternative }) => alternative)))];
  let live = [...all];
  // The innermost have the highest numbers: an alternative is weighed by what is left of its branches.
  for (const alternative of alternatives.sort((a, b) => b - a)) {
    const branches = new Map<number, V[]>();
    for (const version of live) {
      const choice = version.within.find((it) => it.alternative === alternative);
      if (choice === undefined) continue;
      const branch = branches.get(choice.branch);
      if (branch === undefined) branches.set(choice.branch, [version]);
      else branch.push(version);
    }
    if (branches.size < 2) continue;
    const chosen = new Set(chooseBranch([...branches.values()]));
    live = live.filter((version) => chosen.has(version) || !version.within.some((it) => it.alternative === alternative));
  }
  return live;
}

function chooseBranch<V extends Version>(branches: readonly V[][]): V[] {
  const rich = branches.findLast((branch) => branch.some(({ html }) => html) && !isBlank(textOf(branch, 200)));
  const plain = branches.find((branch) => branch.every(({ html }) => !html) && !isBlank(textOf(branch)));
  if (rich === undefined) return plain ?? branches[0] ?? [];
  if (plain === undefined) return rich;
  return givesWay(textOf(plain), (atLeast) => textOf(rich, atLeast)) ? rich : plain;
}

const textOf = (branch: readonly Version[], atLeast?: number): string => branch.map((version) => version.words(atLeast)).join('\n');

/** Nothing that a reader would see: blanks, zero-width characters, fillers. */
export const isBlank = (text: string): boolean => /^[\s\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]*$/u.test(text);

/** A plain half as long as this is a text of its own, whatever stands beside it. */
const longEnough = 400;
/** So many times the letters, figures and signs of the plain half make the HTML the fuller text. */
const fuller = 4;

/** What mailers put where the text should be: a remark about HTML, a browser or a program, and placeholders of templates. */
const stub =
  /\bx?html\b|\bbrowsers?\b|\bwebversion\b|\bnavigat(?:eur|ore)\b|\bnavegador\b|\bprzegląd|брауз|浏览器|瀏覽器|ブラウザ|브라우저|\b(?:e-?mail|mail) (?:client|program|reader|software)\b|\b(?:plain|alternative|default)[ -]text\b|\bon-?line (?:version|ansehen|anzeigen)\b|\bversion en ligne\b/iu;
const placeholder = /^\W*(?:text|plain|null|undefined|none|n\/a|nan|empty|no text|test|message|body|content|lorem ipsum.{0,200})\W*$/isu;

/** Whether the plain half of an alternative says less than its HTML half, which is then the one to show. */
export function givesWay(plain: string, rich: (atLeast: number) => string): boolean {
  const isMarkup = markup.test(plain);
  const bare = withoutLinks(plain);
  const own = signs(bare);
  if (own >= longEnough && !isMarkup) return false;
  const enough = Math.min(own, longEnough) * fuller + 40;
  const beside = signs(withoutLinks(rich(4 * enough)));
  // A rule, dots, or nothing but a link: what it means stands in the other half.
  if (own === 0) return beside > (bare === plain ? 3 : 0);
  return beside > enough || (isMarkup && beside > 0) || (beside > own && (placeholder.test(plain) || stub.test(plain)));
}

/** Without links, and without what is left of HTML in a plain half. */
const withoutLinks = (text: string): string =>
  text.slice(0, 20_000).replace(/(?:https?:\/\/|www\.|mailto:)\S{1,2000}|&(?:[a-z]{2,8}|#\d{1,7});|<\/?[a-z][^<>]{0,500}>/giu, ' ');
/** A plain half that is the HTML once more. */
const markup = /^\s*<(?:!doctype|html|head|body|meta|style|table|div)\b/i;
const signs = (text: string): number => text.match(/[\p{L}\p{N}\p{S}]/gu)?.length ?? 0;
