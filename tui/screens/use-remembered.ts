/** Where the cursor of a list begins: on the row that one came for, else on the one that one left. It is kept with its place. */
import { useEffect, useRef } from 'react';
import type { ListHandle } from '../components/list.tsx';
import { useNavigator } from './places.ts';

/** `towards`: the row that one came for; null: there is none, undefined: it is not known yet. */
export function useRemembered(key: string, list: ListHandle, towards: string | null | undefined = null): void {
  const navigator = useNavigator();
  const before = useRef(navigator.cursors.get(key));
  const select = useRef(list.select);
  select.current = list.select;
  const begun = useRef(false);
  useEffect(() => {
    if (begun.current || towards === undefined) return;
    begun.current = true;
    const first = towards ?? before.current;
    if (first !== undefined) select.current(first);
  }, [towards]);
  const { cursor } = list.state;
  useEffect(() => {
    if (cursor !== null) navigator.cursors.set(key, cursor);
  }, [navigator, key, cursor]);
}
