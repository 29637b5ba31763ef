/** The octets of a mail as they came, cleaned for the screen. */
import type { Message } from '../../protocol/schema.ts';
import { safeBlock } from '../../protocol/text.ts';
import { chrome } from '../text.ts';
import { octets } from '../units.ts';
import type { AppContext } from './contract.ts';
import { Pages } from './pages.tsx';

/** More is base64 of files: nobody reads it here. */
const maxShownOctets = 2_000_000;

export function openSource({ mirror, shell }: Pick<AppContext, 'mirror' | 'shell'>, mail: Pick<Message, 'id' | 'subject'>): Promise<void> {
  return shell.opening(async () => {
    const chunks: Uint8Array[] = [];
    let kept = 0;
    const { sizeOctets } = await mirror.call(
      'message.raw',
      { message: mail.id },
      {
        onChunk: (chunk) => {
          if (kept < maxShownOctets) chunks.push(chunk);
          kept += chunk.byteLength;
        },
      },
    );
    const raw = Buffer.concat(chunks);
    const cut = raw.byteLength < sizeOctets ? chrome`, the first ${octets(raw.byteLength)} of it` : chrome``;
    const text = safeBlock(raw.toString('utf8'));
    shell.open({
      name: 'source',
      element: (
        <Pages
          title={chrome`‹ SOURCE  ${mail.subject}`}
          note={chrome`${octets(sizeOctets)}${cut}; control characters are left out`}
          text={text}
        />
      ),
    });
  });
}
