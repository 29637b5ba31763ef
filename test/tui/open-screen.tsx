/** One screen on a mirror of values, in the real shell, without a terminal. */
import { render } from 'ink-testing-library';
import type { ReactElement } from 'react';
import { afterEach, expect } from 'vitest';
import { ShellView } from '../../tui/app-shell.tsx';
import { SavedViews } from '../../tui/saved-views.ts';
import { AppContext } from '../../tui/screens/contract.ts';
import { Navigator, NavigatorContext } from '../../tui/screens/places.ts';
import { Shell } from '../../tui/shell.ts';
import { StatusRow } from '../../tui/status.tsx';
import { MirrorContext } from '../../tui/use-mirror.ts';
import { eventually } from '../support/eventually.ts';
import type { FakeMirror } from './fake-mirror.ts';

const mounted: { unmount(): void }[] = [];
afterEach(() => {
  for (const one of mounted.splice(0)) one.unmount();
});

/** A screen on `fake` with 100 columns; `went` are the places one was taken to. Unmounted after the test. */
export function openOn(fake: FakeMirror, element: ReactElement, given: { views?: SavedViews } = {}) {
  const shell = new Shell();
  const press = { current: (_name: string): void => undefined };
  const went: unknown[] = [];
  const navigator = new Navigator(
    () => undefined,
    (to) => {
      went.push(to);
      return { name: to.kind, element: <></> };
    },
  );
  shell.goTo({ name: 'screen', element });
  const keyboard = {
    listen: (listener: Parameters<Parameters<typeof ShellView>[0]['keyboard']['listen']>[0]) => {
      press.current = (name) => listener({ kind: 'key', name, text: name === 'space' ? ' ' : [...name].length === 1 ? name : '' });
      return () => undefined;
    },
  };
  const app = {
    mirror: fake.mirror,
    shell,
    me: 'anna',
    running: { edit: () => Promise.reject(new Error('no editor in this test')), setTitle: () => undefined },
    drafts: {} as AppContext['drafts'],
    fingerprints: () => ({ own: 'AAAAA', daemon: 'BBBBB', next: null }),
    views: given.views ?? new SavedViews('/nonexistent/views.json', 'key'),
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
  return {
    press: (...names: string[]) => {
      for (const name of names) press.current(name);
    },
    sees: (wanted: string | RegExp) => eventually(() => expect(view.lastFrame()).toMatch(wanted)),
    misses: (unwanted: string) => eventually(() => expect(view.lastFrame()).not.toContain(unwanted)),
    frame: () => view.lastFrame() ?? '',
    went,
  };
}
