/** The mirror for components: reads a view and draws again when it changes. */
import { createContext, use, useCallback, useSyncExternalStore } from 'react';
import type { Mirror, Picture, View } from './mirror.ts';

export const MirrorContext = createContext<Mirror | null>(null);

export function useMirror(): Mirror {
  const mirror = use(MirrorContext);
  if (mirror === null) throw new Error('useMirror is for components inside MirrorContext');
  return mirror;
}

/** The view's picture; the view is kept alive while the component is mounted. */
export function useView<T>(view: View<T>): Picture<T> {
  const subscribe = useCallback((listener: () => void) => view.subscribe(listener), [view]);
  return useSyncExternalStore(subscribe, () => view.picture);
}

export function useConnection(): Mirror['connection'] {
  const mirror = useMirror();
  const subscribe = useCallback((listener: () => void) => mirror.onConnection(listener), [mirror]);
  return useSyncExternalStore(subscribe, () => mirror.connection);
}
