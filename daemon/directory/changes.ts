/** Every change of the directory: `(doc, asked, act) => { doc, activities, id }`, to be handed to `DirectoryStore.change`. */
export { type Act, type Change, openPolicy, type Policy } from './act.ts';
export {
  type GrantEdit,
  type GrantsAsked,
  grantAdd,
  grantRemove,
  grantSet,
  grantsEdit,
  grantsPreview,
} from './grants.ts';
export * from './mailboxes.ts';
export * from './people.ts';
