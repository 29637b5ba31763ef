/**
 * Every command as one row: its keys, its words, where it holds and why it may be disabled. Keymap, palette, help and the hint
 * row are read from here. A command exists in a view exactly when a handler for it is mounted there (`useCommands`), so no key
 * is shown that does nothing.
 */
import { type Chrome, chrome } from './text.ts';

/**
 * Where a key belongs. When two commands of one view have the same key the later scope here wins: a review screen's
 * letters name its fields, a text field takes its editing keys before anything else.
 */
export const scopes = [
  'always', // the terminal and the way out: even while a modal is open
  'everywhere',
  'goto',
  'list',
  'mail',
  'panel',
  'conversation',
  'review',
  'note',
  'outbox',
  'stuck', // a mail of the outbox that did not reach everybody
  'settings',
  'matrix',
  'people',
  'leaving',
  'invitations',
  'roles',
  'mailboxes',
  'timeline',
  'search',
  'audit',
  'field',
  'modal',
  'question',
] as const;
export type Scope = (typeof scopes)[number];

/** What the layers know about the thing under the cursor. Screens publish the parts they know; the last one speaks. */
export type Facts = {
  /** The conversation that a verb would act on. */
  readonly conversation: {
    readonly send: boolean;
    readonly state: 'open' | 'waiting' | 'snoozed' | 'done';
    readonly assigned: 'me' | 'other' | 'nobody';
    readonly attachments: number;
  } | null;
  /** Something that `z` would take back. */
  readonly undo: boolean;
  /** Something that `Z` would do again. */
  readonly redo: boolean;
  readonly online: boolean;
  /** The mailbox in view, by address; null over all of them. */
  readonly mailbox: string | null;
  /** Something staged that is not written. */
  readonly staged: boolean;
  /** Whether the person may change people and roles. */
  readonly managesPeople: boolean;
  /** Whether the person holds Access there; over all mailboxes, on any. */
  readonly access: boolean;
};

export const noFacts: Facts = {
  conversation: null,
  undo: false,
  redo: false,
  online: true,
  mailbox: null,
  staged: false,
  managesPeople: false,
  access: true,
};

type Reason = (facts: Facts) => Chrome | null;

export type CommandRow = {
  /** Key sequences, the first one is shown; words of a sequence are pressed one after the other. Without any: by palette only. */
  readonly keys: readonly string[];
  readonly title: Chrome;
  /** The word beside the key in the hint row; rows without one are never hinted. */
  readonly hint?: Chrome;
  /** Synonyms for the palette. */
  readonly words?: string;
  readonly scope: Scope;
  readonly disabled?: Reason;
  /** Equal keys typed in one burst arrive as one call with a count. */
  readonly counts?: true;
  /** `.` may do it again; never for send, trash, spam or grants. */
  readonly repeatable?: true;
  /** A movement or an edit of the field: of no use in the palette. */
  readonly keyOnly?: true;
};

const needsDaemon: Reason = (facts) => (facts.online ? null : chrome`the daemon is away`);
const needsConversation: Reason = (facts) => (facts.conversation === null ? chrome`no conversation is selected` : needsDaemon(facts));
const needsSend: Reason = (facts) =>
  needsConversation(facts) ?? (facts.conversation?.send === false ? chrome`you do not hold Send here` : null);
const needsStaged: Reason = (facts) => (facts.staged ? null : chrome`nothing is staged`);
const needsManager: Reason = (facts) =>
  facts.managesPeople ? needsDaemon(facts) : chrome`this needs people.manage: ask somebody who manages people`;
const needsAccess: Reason = (facts) => (facts.access ? null : chrome`you do not hold Access here: it shows timelines`);
const needsUndo: Reason = (facts) => (facts.undo ? null : chrome`nothing to undo`);

export const commands = {
  'screen.redraw': { keys: ['ctrl-l'], title: chrome`Redraw the screen`, words: 'refresh repaint', scope: 'always' },
  'app.suspend': { keys: ['ctrl-z'], title: chrome`Suspend to the shell`, words: 'background job', scope: 'always' },

  'app.quit': { keys: ['ctrl-c'], title: chrome`Quit`, words: 'exit leave', scope: 'always' },

  'move.down': { keys: ['j', 'down'], title: chrome`Down`, scope: 'everywhere', counts: true, keyOnly: true },
  'move.up': { keys: ['k', 'up'], title: chrome`Up`, scope: 'everywhere', counts: true, keyOnly: true },
  'move.first': { keys: ['g g', 'home'], title: chrome`To the beginning`, scope: 'everywhere', keyOnly: true },
  'move.last': { keys: ['G', 'end'], title: chrome`To the end`, scope: 'everywhere', keyOnly: true },
  'move.half-down': { keys: ['ctrl-d'], title: chrome`Half a page down`, scope: 'everywhere', counts: true, keyOnly: true },
  'move.half-up': { keys: ['ctrl-u'], title: chrome`Half a page up`, scope: 'everywhere', counts: true, keyOnly: true },
  'move.page-down': { keys: ['pagedown'], title: chrome`A page down`, scope: 'everywhere', counts: true, keyOnly: true },
  'move.page-up': { keys: ['pageup'], title: chrome`A page up`, scope: 'everywhere', counts: true, keyOnly: true },
  'move.next-unread': { keys: [']'], title: chrome`Next unread`, scope: 'everywhere' },
  'move.previous-unread': { keys: ['['], title: chrome`Previous unread`, scope: 'everywhere' },
  'move.section-down': { keys: ['}'], title: chrome`A bigger step down: a day`, scope: 'everywhere', counts: true, keyOnly: true },
  'move.section-up': { keys: ['{'], title: chrome`A bigger step up: a day`, scope: 'everywhere', counts: true, keyOnly: true },
  'read.on': { keys: ['space'], title: chrome`Read on: scroll, then the next unread`, scope: 'everywhere', keyOnly: true },
  'item.open': { keys: ['enter', 'right', 'o'], title: chrome`Open`, hint: chrome`open`, scope: 'everywhere', keyOnly: true },
  'item.next': { keys: ['J'], title: chrome`Next of the list behind`, hint: chrome`next`, scope: 'everywhere', counts: true },
  'item.previous': { keys: ['K'], title: chrome`Previous of the list behind`, scope: 'everywhere', counts: true },
  'layer.close': { keys: ['esc'], title: chrome`Close`, scope: 'everywhere', keyOnly: true },
  'view.back': { keys: ['q'], title: chrome`Back one level`, hint: chrome`back`, words: 'close leave', scope: 'everywhere' },
  'pane.next': { keys: ['tab'], title: chrome`Next pane`, scope: 'everywhere', keyOnly: true },
  'pane.previous': { keys: ['shift-tab', 'left'], title: chrome`Previous pane`, scope: 'everywhere', keyOnly: true },
  'list.filter': { keys: ['\\'], title: chrome`Filter this list`, hint: chrome`filter`, scope: 'everywhere' },
  'search.open': {
    keys: ['/'],
    title: chrome`Search`,
    hint: chrome`find`,
    words: 'find query',
    scope: 'everywhere',
    disabled: needsDaemon,
  },
  'search.next': { keys: ['n'], title: chrome`Next hit`, hint: chrome`next hit`, scope: 'everywhere', counts: true },
  'search.previous': { keys: ['N'], title: chrome`Previous hit`, scope: 'everywhere', counts: true },
  'edit.undo': { keys: ['z'], title: chrome`Undo`, words: 'take back revert', scope: 'everywhere', disabled: needsUndo },
  'edit.redo': {
    keys: ['Z'],
    title: chrome`Do again what was undone`,
    words: 'redo',
    scope: 'everywhere',
    disabled: (facts) => (facts.redo ? null : chrome`nothing to do again`),
  },
  'edit.repeat': { keys: ['.'], title: chrome`Repeat the last command`, scope: 'everywhere', keyOnly: true },
  'sync.now': { keys: ['ctrl-r'], title: chrome`Synchronise now`, words: 'fetch refresh', scope: 'everywhere', disabled: needsDaemon },
  'palette.open': { keys: [':', 'ctrl-k'], title: chrome`Command palette`, hint: chrome`cmd`, scope: 'everywhere', keyOnly: true },
  'help.open': { keys: ['?'], title: chrome`Help`, words: 'keys', scope: 'everywhere', keyOnly: true },

  'go.panel': { keys: ['g p'], title: chrome`Go to my panel`, words: 'work list mine', scope: 'goto' },
  'go.unassigned': { keys: ['g u'], title: chrome`Go to unassigned`, scope: 'goto' },
  'go.mailbox': { keys: ['g m'], title: chrome`Go to a mailbox`, words: 'switch account', scope: 'goto' },
  'go.folders': { keys: ['g f'], title: chrome`Go to the folders of the mailbox`, scope: 'goto' },
  'go.open': { keys: ['g a'], title: chrome`Go to all open of the mailbox`, words: 'list', scope: 'goto' },
  'go.mailboxes': {
    keys: ['g b'],
    title: chrome`Go to the mailboxes and how their sync stands`,
    words: 'sync state accounts',
    scope: 'goto',
  },
  'go.outbox': { keys: ['g o'], title: chrome`Go to the outbox`, words: 'sending failed on its way', scope: 'goto' },
  'go.grants': { keys: ['g r'], title: chrome`Go to the grants of the mailbox`, words: 'rights access share who matrix', scope: 'goto' },
  'go.people': { keys: ['g P'], title: chrome`Go to people`, words: 'persons users invite keys disable', scope: 'goto' },
  'go.invitations': { keys: ['g I'], title: chrome`Go to invitations`, words: 'open withdraw keys', scope: 'goto' },
  'go.keys': {
    keys: ['g K'],
    title: chrome`Show my key and the daemon's`,
    words: 'fingerprint compare trust whoami identity',
    scope: 'goto',
  },
  'go.roles': { keys: ['g R'], title: chrome`Go to roles`, words: 'teams groups members', scope: 'goto' },
  'go.audit': {
    keys: ['g j'],
    title: chrome`Go to the audit journal: who did what`,
    words: 'log security history verify export',
    scope: 'goto',
  },
  'go.timeline': {
    keys: ['g t'],
    title: chrome`Go to the timeline: what happened here`,
    words: 'history events activity',
    scope: 'goto',
    disabled: needsAccess,
  },
  'go.contact': {
    keys: ['g c'],
    title: chrome`Go to the contact: all mail with them`,
    words: 'customer sender history',
    scope: 'goto',
    disabled: needsAccess,
  },
  'go.drafts': { keys: ['g d'], title: chrome`Go to my drafts`, words: 'unfinished kept', scope: 'goto' },
  'go.settings': {
    keys: ['g ,'],
    title: chrome`Go to the settings of the mailbox`,
    words: 'server password signature setup',
    scope: 'goto',
  },
  'go.last': { keys: ['g -'], title: chrome`Go to the last view`, scope: 'goto' },

  'mail.reply': { keys: ['r'], title: chrome`Reply`, hint: chrome`reply`, words: 'answer', scope: 'mail', disabled: needsSend },
  'mail.reply-all': { keys: ['a'], title: chrome`Reply to all`, hint: chrome`all`, words: 'answer', scope: 'mail', disabled: needsSend },
  'mail.forward': { keys: ['f'], title: chrome`Forward`, hint: chrome`forward`, scope: 'mail', disabled: needsSend },
  'mail.compose': { keys: ['c'], title: chrome`Compose a new mail`, words: 'write new', scope: 'mail', disabled: needsDaemon },
  'work.done': {
    keys: ['e'],
    title: chrome`Done for the team`,
    hint: chrome`done`,
    words: 'close resolve archive',
    scope: 'mail',
    repeatable: true,
    disabled: (facts) => needsConversation(facts) ?? (facts.conversation?.state === 'done' ? chrome`it is done already` : null),
  },
  'work.reopen': {
    keys: [],
    title: chrome`Open again for the team`,
    words: 'reopen undone',
    scope: 'mail',
    repeatable: true,
    disabled: (facts) => needsConversation(facts) ?? (facts.conversation?.state === 'done' ? null : chrome`it is not done`),
  },
  'work.take': {
    keys: ['t'],
    title: chrome`Take: assign it to me`,
    hint: chrome`take`,
    words: 'claim mine',
    scope: 'mail',
    repeatable: true,
    disabled: (facts) => needsSend(facts) ?? (facts.conversation?.assigned === 'me' ? chrome`it is yours already` : null),
  },
  'work.release': {
    keys: [],
    title: chrome`Release: assigned to nobody`,
    words: 'unassign give back',
    scope: 'mail',
    repeatable: true,
    disabled: (facts) => needsConversation(facts) ?? (facts.conversation?.assigned === 'nobody' ? chrome`nobody has it` : null),
  },
  'work.assign': {
    keys: ['T'],
    title: chrome`Assign to…`,
    hint: chrome`assign`,
    words: 'give',
    scope: 'mail',
    disabled: needsConversation,
  },
  'work.note': {
    keys: ['i'],
    title: chrome`Internal note`,
    hint: chrome`note`,
    words: 'comment team only',
    scope: 'mail',
    disabled: needsConversation,
  },
  'mail.star': { keys: ['s'], title: chrome`Star`, words: 'flag', scope: 'mail', repeatable: true, disabled: needsConversation },
  'mail.unread': { keys: ['u'], title: chrome`Unread for me`, words: 'mark', scope: 'mail', repeatable: true, disabled: needsConversation },
  'mail.move': { keys: ['m'], title: chrome`Move to a folder`, words: 'file archive', scope: 'mail', disabled: needsSend },
  'mail.spam': { keys: ['!'], title: chrome`Spam`, words: 'junk', scope: 'mail', disabled: needsSend },
  'mail.trash': { keys: ['#'], title: chrome`Trash`, words: 'delete remove', scope: 'mail', disabled: needsSend },
  'mail.files': {
    keys: ['v'],
    title: chrome`Attachments`,
    hint: chrome`files`,
    words: 'save download',
    scope: 'mail',
    disabled: (facts) => needsConversation(facts) ?? (facts.conversation?.attachments === 0 ? chrome`it has no attachments` : null),
  },
  'mail.mark': { keys: ['x'], title: chrome`Mark`, words: 'select', scope: 'mail', disabled: needsConversation },
  'mail.mark-range': {
    keys: ['X'],
    title: chrome`Mark from the last mark to here`,
    words: 'select',
    scope: 'mail',
    disabled: needsConversation,
  },

  'panel.mine': { keys: ['1'], title: chrome`Mine`, words: 'view tab', scope: 'panel' },
  'panel.unassigned': { keys: ['2'], title: chrome`Unassigned`, words: 'view tab', scope: 'panel' },
  'panel.team': { keys: ['3'], title: chrome`Team`, words: 'view tab', scope: 'panel' },
  'panel.done': { keys: ['4'], title: chrome`Done`, words: 'view tab', scope: 'panel' },
  'panel.saved-5': { keys: ['5'], title: chrome`Saved view 5`, words: 'view tab search', scope: 'panel' },
  'panel.saved-6': { keys: ['6'], title: chrome`Saved view 6`, words: 'view tab search', scope: 'panel' },
  'panel.saved-7': { keys: ['7'], title: chrome`Saved view 7`, words: 'view tab search', scope: 'panel' },
  'panel.saved-8': { keys: ['8'], title: chrome`Saved view 8`, words: 'view tab search', scope: 'panel' },
  'panel.saved-9': { keys: ['9'], title: chrome`Saved view 9`, words: 'view tab search', scope: 'panel' },
  'panel.preview': { keys: ['p'], title: chrome`Preview on or off`, words: 'reader pane', scope: 'panel' },

  'message.fold': { keys: ['enter', 'o'], title: chrome`Fold or unfold the mail`, words: 'open close', scope: 'conversation' },
  'read.line-down': { keys: ['down'], title: chrome`A line down`, scope: 'conversation', counts: true, keyOnly: true },
  'read.line-up': { keys: ['up'], title: chrome`A line up`, scope: 'conversation', counts: true, keyOnly: true },
  'message.headers': { keys: ['h'], title: chrome`Headers`, hint: chrome`headers`, scope: 'conversation' },
  'message.quotes': { keys: ['Q'], title: chrome`Quotes`, hint: chrome`quotes`, words: 'fold unfold', scope: 'conversation' },
  'message.source': { keys: ['V'], title: chrome`Source`, words: 'raw', scope: 'conversation' },
  'message.links': { keys: ['g l'], title: chrome`Links of this mail`, words: 'url open', scope: 'conversation' },

  'message.outbox': {
    keys: ['@'],
    title: chrome`This mail on its way out: what to do`,
    hint: chrome`on its way`,
    words: 'outbox retry cancel arrived failed',
    scope: 'conversation',
  },

  'outbox.now': {
    keys: ['y'],
    title: chrome`Send it now`,
    hint: chrome`send now`,
    words: 'try',
    scope: 'outbox',
    disabled: needsDaemon,
  },
  'outbox.again': {
    keys: ['y'],
    title: chrome`Send it again as it is`,
    hint: chrome`retry`,
    words: 'retry try',
    scope: 'stuck',
    disabled: needsDaemon,
  },
  'outbox.edit': {
    keys: ['e'],
    title: chrome`Edit it: a new mail takes its place`,
    hint: chrome`edit`,
    words: 'address mend correct draft',
    scope: 'outbox',
    disabled: needsDaemon,
  },
  'outbox.give-up': {
    keys: ['D'],
    title: chrome`Give it up: it is not sent again`,
    hint: chrome`give up`,
    words: 'discard settle',
    scope: 'stuck',
    disabled: needsDaemon,
  },
  'outbox.take-back': {
    keys: ['D'],
    title: chrome`Take it back: it does not leave`,
    hint: chrome`take back`,
    words: 'cancel discard',
    scope: 'outbox',
    disabled: needsDaemon,
  },
  'outbox.arrived': { keys: [], title: chrome`It arrived`, words: 'settle unknown', scope: 'outbox', disabled: needsDaemon },
  'outbox.choices': {
    keys: ['@'],
    title: chrome`What to do about it`,
    hint: chrome`what to do`,
    words: 'retry cancel arrived failed',
    scope: 'outbox',
    disabled: needsDaemon,
  },

  'settings.next': { keys: ['tab', 'right'], title: chrome`Next section`, hint: chrome`section`, scope: 'settings' },
  'settings.previous': { keys: ['shift-tab', 'left'], title: chrome`Previous section`, scope: 'settings' },
  'settings.test': {
    keys: ['T'],
    title: chrome`Test the connection`,
    hint: chrome`test`,
    words: 'probe server login',
    scope: 'settings',
    disabled: needsDaemon,
  },
  'settings.revert': {
    keys: ['z'],
    title: chrome`Take back the edit of this field`,
    hint: chrome`revert`,
    words: 'undo',
    scope: 'settings',
  },
  'settings.history': {
    keys: ['h'],
    title: chrome`What this field was before, and who changed it`,
    hint: chrome`history`,
    words: 'changes old value log',
    scope: 'settings',
    disabled: needsDaemon,
  },
  'settings.history-all': {
    keys: ['H'],
    title: chrome`Everything that was changed of these settings`,
    words: 'history changes log who',
    scope: 'settings',
    disabled: needsDaemon,
  },
  'settings.put-back': {
    keys: ['enter'],
    title: chrome`Put the old value back into the form`,
    hint: chrome`put back`,
    words: 'restore revert undo history',
    scope: 'settings',
  },
  'settings.write': {
    keys: ['W'],
    title: chrome`Save the edits`,
    hint: chrome`save`,
    words: 'write',
    scope: 'settings',
    disabled: needsDaemon,
  },

  'mailbox.add': {
    keys: ['a'],
    title: chrome`Add a mailbox`,
    hint: chrome`add a mailbox`,
    words: 'new account imap',
    scope: 'mailboxes',
    disabled: needsDaemon,
  },
  'add.write': {
    keys: ['y'],
    title: chrome`Add it, and test both servers`,
    hint: chrome`add`,
    words: 'save',
    scope: 'mailboxes',
    disabled: needsDaemon,
  },
  'timeline.scope': {
    keys: ['tab'],
    title: chrome`The mailbox, the contact, or the conversation of this event`,
    hint: chrome`scope`,
    scope: 'timeline',
    keyOnly: true,
  },
  'timeline.scope-back': { keys: ['shift-tab'], title: chrome`The scope before`, scope: 'timeline', keyOnly: true },
  'timeline.kinds': { keys: ['\\'], title: chrome`Which kinds of events`, hint: chrome`kinds`, words: 'filter', scope: 'timeline' },
  'timeline.expand': { keys: ['space'], title: chrome`Expand or fold the event`, hint: chrome`expand`, scope: 'timeline', keyOnly: true },
  'timeline.follow': { keys: ['F'], title: chrome`Follow what happens`, hint: chrome`follow`, words: 'live tail', scope: 'timeline' },

  'search.save': { keys: ['S'], title: chrome`Save as a view of the panel`, hint: chrome`save view`, words: 'tab', scope: 'search' },
  'search.forget': { keys: [], title: chrome`Forget this saved view`, words: 'remove delete tab', scope: 'search' },

  'audit.filter': {
    keys: ['\\'],
    title: chrome`Only a mailbox, a person, an action, some days`,
    hint: chrome`filter`,
    words: 'narrow date',
    scope: 'audit',
  },
  'audit.verify': {
    keys: ['V'],
    title: chrome`Verify that no line was changed, removed or moved`,
    hint: chrome`verify`,
    words: 'chain hash whole',
    scope: 'audit',
    disabled: needsDaemon,
  },
  'audit.export': {
    keys: ['P'],
    title: chrome`Export to a file: JSON Lines or CSV`,
    hint: chrome`export`,
    words: 'save csv jsonl',
    scope: 'audit',
    disabled: needsDaemon,
  },
  'audit.follow': { keys: ['F'], title: chrome`To the newest line, and follow`, hint: chrome`follow`, words: 'live tail', scope: 'audit' },

  'review.to': { keys: ['t'], title: chrome`To`, hint: chrome`To`, scope: 'review' },
  'review.cc': { keys: ['c'], title: chrome`Cc`, scope: 'review' },
  'review.bcc': { keys: ['b'], title: chrome`Bcc`, scope: 'review' },
  'review.subject': { keys: ['s'], title: chrome`Subject`, scope: 'review' },
  'review.from': { keys: ['F'], title: chrome`From`, words: 'identity sender', scope: 'review' },
  'review.editor': { keys: ['e'], title: chrome`Edit the text in your editor`, hint: chrome`editor`, words: 'external', scope: 'review' },
  'review.inline': { keys: ['i'], title: chrome`Edit the text here`, hint: chrome`inline`, scope: 'review' },
  'review.attach': { keys: ['a'], title: chrome`Attach a file`, hint: chrome`attach`, scope: 'review' },
  'review.detach': { keys: ['d'], title: chrome`Detach a file`, scope: 'review' },
  'review.send': { keys: ['y'], title: chrome`Send`, hint: chrome`send`, scope: 'review' },
  'review.send-done': { keys: ['Y'], title: chrome`Send, and done for the team`, hint: chrome`send+done`, scope: 'review' },
  'review.later': { keys: ['L'], title: chrome`Send later`, hint: chrome`later`, words: 'schedule', scope: 'review' },
  'review.look': {
    keys: ['tab'],
    title: chrome`Look at the conversation, and back`,
    hint: chrome`look`,
    words: 'thread answered',
    scope: 'review',
  },
  'note.save': { keys: ['y'], title: chrome`Save the note for the team`, hint: chrome`save`, scope: 'note' },
  'review.keep': { keys: ['q'], title: chrome`Keep as draft`, hint: chrome`keep`, scope: 'review' },
  'review.discard': { keys: ['D'], title: chrome`Discard the draft`, hint: chrome`discard`, scope: 'review' },

  'matrix.left': { keys: ['h', 'left'], title: chrome`The right before`, scope: 'matrix', counts: true, keyOnly: true },
  'matrix.right': { keys: ['l', 'right'], title: chrome`The next right`, scope: 'matrix', counts: true, keyOnly: true },
  'matrix.toggle': { keys: ['space'], title: chrome`Give or take this right`, hint: chrome`toggle`, scope: 'matrix' },
  'matrix.access': { keys: ['A'], title: chrome`Give or take Access`, scope: 'matrix' },
  'matrix.send': { keys: ['S'], title: chrome`Give or take Send`, scope: 'matrix' },
  'matrix.setup': { keys: ['U'], title: chrome`Give or take Setup`, scope: 'matrix' },
  'matrix.observe': { keys: [], title: chrome`Observe: Access`, words: 'preset level grant', scope: 'matrix' },
  'matrix.reply': { keys: [], title: chrome`Reply: Send`, words: 'preset level grant', scope: 'matrix' },
  'matrix.full': { keys: [], title: chrome`Full: Access and Send`, words: 'preset level grant', scope: 'matrix' },
  'matrix.manage': { keys: [], title: chrome`Manage: all three rights`, words: 'preset level grant', scope: 'matrix' },
  'matrix.add': { keys: ['a'], title: chrome`Add a person or a role`, hint: chrome`add`, words: 'share invite', scope: 'matrix' },
  'matrix.remove': { keys: ['d'], title: chrome`Remove this grant`, hint: chrome`remove`, words: 'delete revoke', scope: 'matrix' },
  'matrix.until': {
    keys: ['e'],
    title: chrome`Dates and note of this grant`,
    hint: chrome`until`,
    words: 'expiry end limits',
    scope: 'matrix',
  },
  'matrix.preview': {
    keys: ['p', 'enter'],
    title: chrome`What they would hold, and through what`,
    hint: chrome`preview`,
    words: 'explain effective why',
    scope: 'matrix',
  },
  'matrix.difference': {
    keys: ['D'],
    title: chrome`What is staged, and what it would do`,
    hint: chrome`diff`,
    words: 'edits',
    scope: 'matrix',
    disabled: needsStaged,
  },
  'matrix.write': {
    keys: ['W'],
    title: chrome`Write what is staged`,
    hint: chrome`write`,
    words: 'save apply',
    scope: 'matrix',
    disabled: (facts) => needsStaged(facts) ?? needsDaemon(facts),
  },
  'matrix.undo': { keys: ['z'], title: chrome`Take back one staged edit`, hint: chrome`undo`, scope: 'matrix', disabled: needsStaged },
  'matrix.unused': {
    keys: ['i'],
    title: chrome`Rights that nobody used for some time`,
    hint: chrome`idle`,
    words: 'unused idle report stale never last use',
    scope: 'matrix',
    disabled: needsDaemon,
  },
  'matrix.mailbox': { keys: ['m'], title: chrome`Grants of another mailbox`, words: 'switch all', scope: 'matrix' },

  'people.add': {
    keys: ['a'],
    title: chrome`Invite a person`,
    hint: chrome`invite`,
    words: 'add new',
    scope: 'people',
    disabled: needsManager,
  },
  'people.key': {
    keys: ['i'],
    title: chrome`Invite one more key for them`,
    hint: chrome`one more key`,
    words: 'laptop device',
    scope: 'people',
  },
  'people.set': {
    keys: ['e'],
    title: chrome`E-mail and plan`,
    hint: chrome`e-mail, plan`,
    words: 'edit address change',
    scope: 'people',
    disabled: needsManager,
  },
  'people.able': {
    keys: ['d'],
    title: chrome`Disable, or enable again`,
    hint: chrome`disable/enable`,
    words: 'lock out',
    scope: 'people',
    disabled: needsManager,
  },
  'people.confirm': {
    keys: ['y'],
    title: chrome`Confirm the person`,
    hint: chrome`confirm`,
    words: 'vouch',
    scope: 'people',
    disabled: needsManager,
  },
  'people.keys': { keys: ['v'], title: chrome`Keys: revoke or confirm one`, hint: chrome`keys`, scope: 'people' },
  'people.operations': {
    keys: ['o'],
    title: chrome`System operations`,
    hint: chrome`operations`,
    words: 'allow deny manage audit share',
    scope: 'people',
    disabled: needsManager,
  },
  'people.leave': {
    keys: ['#'],
    title: chrome`They leave: what hangs on them, and removing them`,
    hint: chrome`leaves`,
    words: 'remove delete successor',
    scope: 'people',
    disabled: needsManager,
  },
  'people.invitations': { keys: ['I'], title: chrome`Open invitations`, hint: chrome`invitations`, scope: 'people' },
  'leaving.successor': {
    keys: ['s'],
    title: chrome`Who gets what they own, and their work`,
    hint: chrome`successor`,
    words: 'heir',
    scope: 'leaving',
    disabled: needsDaemon,
  },
  'leaving.release': {
    keys: ['r'],
    title: chrome`Their conversations: hand on, or back to the team`,
    hint: chrome`release`,
    scope: 'leaving',
  },
  'leaving.mail': { keys: ['m'], title: chrome`Their mail not sent yet: hold, or take back`, hint: chrome`mail`, scope: 'leaving' },
  'leaving.write': {
    keys: ['W'],
    title: chrome`Remove them`,
    hint: chrome`remove`,
    words: 'write',
    scope: 'leaving',
    disabled: needsManager,
  },
  'invitations.withdraw': {
    keys: ['#'],
    title: chrome`Withdraw the invitation`,
    hint: chrome`withdraw`,
    words: 'revoke delete',
    scope: 'invitations',
    disabled: needsDaemon,
  },
  'roles.add': {
    keys: ['a'],
    title: chrome`Make a role`,
    hint: chrome`new role`,
    words: 'add team',
    scope: 'roles',
    disabled: needsManager,
  },
  'roles.join': { keys: ['+'], title: chrome`Add a member`, hint: chrome`member`, words: 'join', scope: 'roles', disabled: needsManager },
  'roles.leave': {
    keys: ['-'],
    title: chrome`Take a member out`,
    hint: chrome`out`,
    words: 'remove member',
    scope: 'roles',
    disabled: needsManager,
  },
  'roles.remove': { keys: ['#'], title: chrome`Remove the role`, words: 'delete', scope: 'roles', disabled: needsManager },

  'field.next': {
    keys: ['tab'],
    title: chrome`Next field; in a search: complete the word`,
    hint: chrome`next`,
    scope: 'field',
    keyOnly: true,
  },
  'field.editor': { keys: ['ctrl-g'], title: chrome`Edit in your editor`, hint: chrome`editor`, scope: 'field', keyOnly: true },
  'field.submit': { keys: ['ctrl-enter'], title: chrome`Done writing`, scope: 'field', keyOnly: true },
  'field.older': { keys: ['up'], title: chrome`What was typed before`, scope: 'field', keyOnly: true },
  'field.newer': { keys: ['down'], title: chrome`What was typed after`, scope: 'field', keyOnly: true },
  'field.accept': { keys: ['enter'], title: chrome`Accept`, hint: chrome`ok`, scope: 'field', keyOnly: true },
  'field.leave': { keys: ['esc', 'ctrl-c'], title: chrome`Leave the field`, hint: chrome`leave`, scope: 'field', keyOnly: true },

  'modal.close': { keys: ['esc', 'ctrl-c'], title: chrome`Close`, hint: chrome`close`, scope: 'modal', keyOnly: true },
  'modal.accept': { keys: ['enter'], title: chrome`Do it`, hint: chrome`do it`, scope: 'modal', keyOnly: true },
  'modal.down': { keys: ['down', 'ctrl-n'], title: chrome`Down`, scope: 'modal', counts: true, keyOnly: true },
  'modal.up': { keys: ['up', 'ctrl-p'], title: chrome`Up`, scope: 'modal', counts: true, keyOnly: true },
  'modal.toggle': { keys: ['space'], title: chrome`On or off`, hint: chrome`on/off`, scope: 'modal', keyOnly: true },
  'question.quit': { keys: ['ctrl-c'], title: chrome`Quit`, scope: 'question', keyOnly: true },
  'modal.more': { keys: ['?'], title: chrome`Keys of all views`, hint: chrome`all views`, scope: 'modal', keyOnly: true },
} as const satisfies Record<string, CommandRow>;

export type CommandId = keyof typeof commands;

export const commandIds = Object.keys(commands) as CommandId[];

export function commandRow(id: CommandId): CommandRow {
  return commands[id];
}

/** Why `id` cannot be done now, or null. */
export function disabledReason(id: CommandId, facts: Facts): Chrome | null {
  return commandRow(id).disabled?.(facts) ?? null;
}

/**
 * How well `typed` fits a command, higher is better, null for not at all. Letters must appear in order; those that begin a word
 * or follow the last hit count more, so `dt` finds "Done for the team" before "Redraw the screen".
 */
export function relevance(typed: string, id: CommandId): number | null {
  const row = commandRow(id);
  const title = score(typed, row.title);
  const synonyms = score(typed, row.words ?? '');
  const named = score(typed, id);
  const best = Math.max(title ?? -1, (synonyms ?? -1) - 0.2, (named ?? -1) - 0.3);
  return best < 0 ? null : best;
}

function score(typed: string, text: string): number | null {
  const wanted = typed.toLowerCase().replaceAll(' ', '');
  const letters = text.toLowerCase();
  let points = 0;
  let from = 0;
  for (const letter of wanted) {
    let best = -1;
    let bestPoints = 0;
    for (let at = letters.indexOf(letter, from); at !== -1; at = letters.indexOf(letter, at + 1)) {
      const begins = at === 0 || !/[\p{L}\p{N}]/u.test(letters[at - 1] ?? '');
      const gained = begins ? 3 : at === from && from > 0 ? 2 : 1;
      if (gained > bestPoints) {
        best = at;
        bestPoints = gained;
      }
      if (gained >= 2) break;
    }
    if (best === -1) return null;
    points += bestPoints;
    from = best + 1;
  }
  return wanted === '' ? 0 : points / wanted.length;
}
