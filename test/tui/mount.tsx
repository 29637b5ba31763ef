/** A screen on values, at 100 columns: keys in, frames out. One process for each test file: mounts keep native memory. */

import { render } from 'ink-testing-library';
import { afterEach, expect, vi } from 'vitest';
import { ShellView } from '../../tui/app-shell.tsx';
import { SavedViews } from '../../tui/saved-views.ts';
import { AppContext } from '../../tui/screens/contract.ts';
import { Navigator, NavigatorContext, type Place } from '../../tui/screens/places.ts';
import { type NewLayer, Shell } from '../../tui/shell.ts';
import { StatusRow } from '../../tui/status.tsx';
import { MirrorContext } from '../../tui/use-mirror.ts';
import type { FakeMirror } from './fake-mirror.ts';

const mounted: { unmount(): void }[] = [];
afterEach(() => {
  for (const one of mounted.splice(0)) one.unmount();
});

export function mount(fake: FakeMirror, layer: NewLayer) {
  const shell = new Shell();
  const went: Place[] = [];
  const navigator = new Navigator(
    () => undefined,
    (to) => {
      went.push(to);
      return { name: to.kind, element: <></> };
    },
  );
  shell.goTo(layer);
  type Listener = Parameters<Parameters<typeof ShellView>[0]['keyboard']['listen']>[0];
  let take: Listener = () => undefined;
  const keyboard = {
    listen: (listener: Listener) => {
      take = listener;
      return () => undefined;
    },
  };
  const app = {
    mirror: fake.mirror,
    shell,
    me: 'anna',
    running: { edit: () => Promise.reject(new Error('no editor in this test')), setTitle: () => undefined },
    drafts: {} as AppContext['drafts'],
    views: new SavedViews('/nonexistent/views.json', 'key'),
  };
  const view = render(
    <MirrorContext value={fake.mirror}>
      <NavigatorContext value={navigator}>
        <AppContext value={app}>
          <ShellView
            shell={shell}
            keyboard={keyboard}
            status={<StatusRow />}
            surroundings={{ exit: () => undefined, redraw: () => undefined, suspend: async () => undefined }}
            paintsOnCommit
          />
        </AppContext>
      </NavigatorContext>
    </MirrorContext>,
  );
  mounted.push({
    unmount() {
      shell.dispose();
      view.unmount();
    },
  });
  const key = (name: string): void => take({ kind: 'key', name, text: [...name].length === 1 ? name : name === 'space' ? ' ' : '' });
  return {
    shell,
    went,
    press: (...names: string[]) => {
      for (const name of names) key(name);
    },
    type: (text: string) => {
      for (const char of text) key(char === ' ' ? 'space' : char);
    },
    frame: () => view.lastFrame() ?? '',
    sees: (wanted: string | RegExp) => vi.waitFor(() => expect(view.lastFrame()).toMatch(wanted)),
    misses: (unwanted: string) => vi.waitFor(() => expect(view.lastFrame()).not.toContain(unwanted)),
  };
}
