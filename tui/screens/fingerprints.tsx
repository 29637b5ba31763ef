/** The fingerprints of one's own key and of the daemon's, for people to compare by eye or voice. */
import type { ReactElement } from 'react';
import { safeText } from '../../protocol/text.ts';
import { Modal } from '../components/modal.tsx';
import { Lines } from '../components/text.tsx';
import { useCommands, useShell } from '../screen.tsx';
import { chrome, wrap } from '../text.ts';
import type { AppContext } from './contract.ts';

const columns = 64;
const words = chrome`Whoever runs the daemon sees its key with "postroom daemon key", people managers see yours among the keys of people. Equal letters on both sides: nobody is in between.`;

export function openFingerprints({ shell, fingerprints }: Pick<AppContext, 'shell' | 'fingerprints'>): void {
  shell.openModal({ name: 'fingerprints', element: <Fingerprints {...fingerprints()} /> });
}

function Fingerprints({ own, daemon, next }: ReturnType<AppContext['fingerprints']>): ReactElement {
  const shell = useShell();
  useCommands({ 'modal.accept': () => shell.close(), 'modal.close': () => shell.close() });
  const lines = [
    chrome`Your key      ${safeText(own)}`,
    chrome`The daemon's  ${safeText(daemon)}`,
    ...(next === null ? [] : [chrome`its next one  ${safeText(next)}`]),
  ];
  const explained = wrap(words, columns - 4);
  return (
    <Modal title={chrome`Keys`} rows={lines.length + explained.length + 1} columns={columns}>
      <Lines lines={[...lines, chrome``]} tone="strong" />
      <Lines lines={explained} tone="muted" />
    </Modal>
  );
}
