/** In order: number n brings mail.db from format n-1 to n. One that was released never changes. */
import { sql as initial } from './0001-initial.ts';
import { sql as timeline } from './0002-timeline.ts';
import { sql as search } from './0003-search.ts';
import { sql as audit } from './0004-audit.ts';
import { sql as rightUse } from './0005-right-use.ts';
import { sql as reports } from './0006-reports.ts';
import { sql as ours } from './0007-ours.ts';
import { sql as sizeLimit } from './0008-size-limit.ts';
import { sql as gone } from './0009-gone.ts';
import { sql as mainFolder } from './0010-main-folder.ts';
import { sql as wayBack } from './0011-way-back.ts';
import { sql as closed } from './0012-closed.ts';

export const migrations: readonly string[] = [
  initial,
  timeline,
  search,
  audit,
  rightUse,
  reports,
  ours,
  sizeLimit,
  gone,
  mainFolder,
  wayBack,
  closed,
];
