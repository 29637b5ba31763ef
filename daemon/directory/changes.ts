/** Every change of the directory: `(doc, asked, act) => { doc, activities, id }`, to be handed to `DirectoryStore.change`. */
import { PostroomError } from '../../protocol/errors.ts';
import type { Act, Change } from './act.ts';
import type { Directory } from './document.ts';

export { type Act, type Change, openPolicy, type Policy } from './act.ts';
export {
  type GrantEdit,
  type GrantsAsked,
  grantAdd,
  grantRemove,
  grantSet,
  grantsEdit,
  grantsPreview,
  refusedByPolicy,
} from './grants.ts';
export {
  type Inviting,
  invitationWithdraw,
  isOpen,
  keyConfirm,
  keyRevoke,
  needsConfirmation,
  personInvite,
  personJoin,
} from './keys.ts';
export * from './mailboxes.ts';
export {
  type Leaving,
  personAdd,
  personAllow,
  personConfirm,
  personDeny,
  personDisable,
  personEnable,
  personRemove,
  personSet,
} from './people.ts';
export * from './roles.ts';

/** What a change would make and why it would be refused; the document stays as it is then. */
export function tried(
  doc: Directory,
  make: (doc: Directory, act: Act) => Change,
  act: Act,
): { readonly after: Directory; readonly refused: PostroomError | null } {
  try {
    return { after: make(doc, act).doc, refused: null };
  } catch (error) {
    if (!(error instanceof PostroomError)) throw error;
    return { after: doc, refused: error };
  }
}
