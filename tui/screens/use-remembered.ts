/** One comes back to the row that one left: the cursor of a list is kept with its place. */
import { useEffect, useRef } from 'react';
import type { ListHandle } from '../components/list.tsx';
import { useNavigator } from './places.ts';

export function useRemembered(key: string, list: ListHandle): void {
  const navigator = useNavigator();
  const before = useRef(navigator.cursors.get(key));
  const select = useRef(list.select);
  select.current = list.select;
  useEffect(() => {
    if (before.current !== undefined) select.current(before.current);
  }, []);
  const { cursor } = list.state;
  useEffect(() => {
    if (cursor !== null) navigator.cursors.set(key, cursor);
  }, [navigator, key, cursor]);
}
