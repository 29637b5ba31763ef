/** Search over everything that I may open. */
import { day, person, table } from './print.ts';
import type { CommandRow } from './program.ts';
import { number, option } from './values.ts';

export const searchCommands: readonly CommandRow[] = [
  {
    usage: 'search <query...>',
    doc: 'mails and notes that I may open, newest first: words, "phrases", from: to: cc: subject: body: note: in: folder: has: is: assigned: before: after: date:, - negates, OR, parentheses (after -- where it begins with a minus sign)',
    options: [
      ['--limit <n>', 'at most this many (default 50)'],
      ['--cursor <cursor>', 'go on where the last page ended'],
    ],
    run: async (context, args, values) => {
      const found = await (await context.session()).call('search.run', {
        query: args.join(' '),
        limit: number(values, 'limit', '--limit'),
        cursor: option(values, 'cursor'),
      });
      if (!found.complete) context.warn('The search took too long: these are the newest hits of it. Say more about what you look for.');
      const rows = found.rows.map((row) => [
        row.conversation,
        day(row.date),
        row.mailbox,
        row.kind === 'note' ? `note by ${row.author ?? 'somebody'}` : person(row.from),
        row.subject,
        row.snippet,
      ]);
      const shown = table(['conversation', 'date', 'mailbox', 'who', 'subject', ''], rows, 'Nothing fits, in what you may open.');
      const count = found.total > found.rows.length ? `\n${found.exact ? '' : 'more than '}${found.total} in all.` : '';
      return { data: found, text: `${shown}${count}${found.next === null ? '' : `\nMore with: --cursor ${found.next}`}` };
    },
  },
];
