/** `^r`: the daemon looks at the servers now, and the screen asks for everything again. */
import type { SafeText } from '../../protocol/text.ts';
import { useCommands, useShell } from '../screen.tsx';
import { chrome, join } from '../text.ts';
import { useView } from '../use-mirror.ts';
import { useApp } from './contract.ts';

/** `mailbox`: the one in view; null is all that one may open. */
export function useSyncNow(mailbox: SafeText | null, active = true): void {
  const shell = useShell();
  const { mirror } = useApp();
  const mailboxes = useView(mirror.mailboxes).data ?? [];
  const wanted = mailboxes.filter(({ address, rights }) => (mailbox === null || address === mailbox) && (rights.panel || rights.timeline));
  useCommands(
    {
      'sync.now': async () => {
        mirror.refresh();
        if (wanted.length === 0) return shell.flash(chrome`there is no mailbox here that you may open`);
        await Promise.all(wanted.map(({ address }) => mirror.call('mailbox.sync', { mailbox: address })));
        const names = join(
          wanted.slice(0, 2).map(({ address }) => address),
          chrome`, `,
        );
        shell.toast({ text: chrome`Looking at ${names}${wanted.length > 2 ? chrome` and ${wanted.length - 2} more` : chrome``} now` });
      },
    },
    { active },
  );
}
