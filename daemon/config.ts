/**
 * The daemon's configuration: `config.json` in the home. Every key has a default, so an empty object is a whole configuration;
 * units stand in the names. Secrets are never in it: it names commands that give them.
 */
import { readFileSync, statSync } from 'node:fs';
import * as z from 'zod';
import { PostroomError } from '../protocol/errors.ts';
import { readHost } from './directory/secret-hosts.ts';
import { isHostRule } from './network.ts';

const port = z.int().min(0).max(65_535);
const SecretHost = z.string().refine((text) => readHost(text) !== null, 'is written HOST or HOST:PORT, like imap.example.org:993');

export const Config = z.strictObject({
  organisation: z.string().min(1).max(200).default('Postroom'),
  /** Where clients reach the daemon. `ipc` in the home, or in a directory that a group may enter; `tcp` on a named address, never `*`. */
  listen: z
    .strictObject({
      ipc: z
        .union([
          z.literal(true),
          z.literal(false),
          z.strictObject({ directory: z.string().startsWith('/', 'an absolute path'), group: z.string().min(1) }),
        ])
        .default(true),
      tcp: z
        .strictObject({
          address: z
            .string()
            .min(1)
            .refine((a) => a !== '*' && a !== '0.0.0.0' && a !== '::', 'name one address of this machine, not all of them'),
          port,
          /** What invitations say when clients reach it by another name. */
          publicName: z.string().min(1).optional(),
        })
        .nullable()
        .default(null),
    })
    .prefault({}),
  /** Mailboxes that the daemon receives for itself. */
  hosted: z
    .strictObject({
      domains: z.array(z.string().min(1)).default([]),
      smtp: z
        .strictObject({
          address: z.string().default('127.0.0.1'),
          port: port.default(2525),
          /** When a mail counts as received: when it arrived, or (for mail of the past that is brought in over this port) when it was written. */
          receivedAt: z.enum(['arrival', 'date']).default('arrival'),
        })
        .prefault({}),
      maxSizeOctets: z.int().min(1_000).default(25_000_000),
      /** Where mail of hosted mailboxes goes that is not for one of them: `smtp://host:25`. Without it such mail is refused at compose. */
      relay: z
        .strictObject({ host: z.string().min(1), port, tls: z.enum(['implicit', 'starttls', 'none']).default('starttls') })
        .nullable()
        .default(null),
    })
    .prefault({}),
  sharing: z
    .strictObject({
      requireCommonRole: z.boolean().default(false),
      /** Plans whose holders may share mailboxes of theirs; empty: everybody may. */
      plans: z.array(z.string()).default([]),
    })
    .prefault({}),
  /**
   * Commands that print a secret on standard output; holders of `shared-mailbox.sync` choose them by name. `run` is an argument array with
   * an absolute path, without a shell; `hosts` (`HOST` or `HOST:PORT`) are the only servers that the secret goes to, over verified TLS or
   * on this machine.
   */
  secretCommands: z
    .record(
      z.string().min(1),
      z.strictObject({
        run: z.array(z.string().min(1)).min(1),
        hosts: z.array(SecretHost).min(1),
        timeoutMs: z.int().min(100).default(10_000),
      }),
    )
    .default({}),
  /** What one person may do within an hour without a right that somebody gave them. Holders of `shared-mailbox.sync`: mailboxes and tries without end. */
  quotas: z
    .strictObject({
      /** For devices of one's own. */
      invitationsPerHour: z.int().min(1).default(10),
      /** Personal ones. */
      mailboxesPerHour: z.int().min(1).default(10),
      /** Connection tests, servers or passwords that are set, and addresses that are asked for: some are in use. */
      probesPerHour: z.int().min(1).default(30),
    })
    .prefault({}),
  /** Where mailboxes may have their servers, incoming and outgoing. A rule that names a host, an address or a range lets in just that. */
  network: z
    .strictObject({
      allow: z
        .array(
          z.strictObject({
            /** `public`, `private`, `loopback`; a name, `*.` before it for all below it; an address or a range like `10.1.0.0/16`. */
            hosts: z
              .array(z.string().refine(isHostRule, 'public, private, loopback, a host name, an address or a range like 10.1.0.0/16'))
              .min(1),
            ports: z.union([z.literal('any'), z.array(z.int().min(1).max(65_535)).min(1)]),
            /** Whose mailboxes: everybody's, or those that a holder of this operation has set up. */
            for: z.enum(['anybody', 'shared-mailbox.sync']).default('anybody'),
          }),
        )
        .default([
          { hosts: ['public'], ports: [25, 143, 465, 587, 993, 2525], for: 'anybody' },
          { hosts: ['loopback', 'private'], ports: 'any', for: 'shared-mailbox.sync' },
        ]),
    })
    .prefault({}),
  sync: z
    .strictObject({
      /** A look at the server even when nothing was announced. */
      pollMs: z.int().min(1_000).default(60_000),
      /** Ends and begins IDLE again, which proves that the line is alive. */
      maxIdleMs: z.int().min(5_000).default(240_000),
      connectTimeoutMs: z.int().min(100).default(30_000),
      /** How long a server may say nothing while it owes an answer. */
      replyMs: z.int().min(100).default(30_000),
      /** How long a server may take until we are logged in, and again for each list of its folders, even if it says something all the while. */
      readyMs: z.int().min(100).default(120_000),
      /** How often a line that waits for news is asked whether it is alive. */
      proveMs: z.int().min(100).default(120_000),
      retryMinMs: z.int().min(50).default(1_000),
      retryMaxMs: z.int().min(1_000).default(300_000),
    })
    .prefault({}),
  outbox: z
    .strictObject({
      /** Pauses before another attempt after a temporary failure; the last one repeats until `giveUpAfterMs`. */
      retryAfterMs: z.array(z.int().min(10)).min(1).default([60_000, 300_000, 900_000, 3_600_000]),
      giveUpAfterMs: z.int().min(1_000).default(172_800_000),
      commandTimeoutMs: z.int().min(100).default(300_000),
      /** RFC 5321, 4.5.3.2.6: ten minutes for the answer to the final dot. */
      finalDotTimeoutMs: z.int().min(100).default(600_000),
      attemptTimeoutMs: z.int().min(100).default(1_800_000),
      /** A server that is silent for so long no longer holds up other mail. */
      slowAfterMs: z.int().min(10).default(10_000),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
  /** Ends by itself this long after the last session; null: runs until it is stopped. The demo sets it. */
  exitWhenAloneMs: z.int().min(100).nullable().default(null),
});
export type Config = z.output<typeof Config>;

/** Reads and checks a configuration file. Every error names the key and what fits there. */
export function readConfig(path: string): Config {
  let text: string;
  try {
    const mode = statSync(path).mode;
    if ((mode & 0o077) !== 0) {
      throw new PostroomError(
        'invalid',
        `${path} can be read by others (mode ${(mode & 0o777).toString(8)}). Mend it with: chmod 600 ${path}`,
      );
    }
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof PostroomError) throw error;
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT')
      throw new PostroomError('invalid', `There is no home here: ${path} is missing. Make one with: postroom init`, {}, { cause: error });
    throw new PostroomError(
      'invalid',
      `Cannot read ${path}: ${(error as Error).message}. Run this as the account that the home belongs to.`,
      {},
      { cause: error },
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new PostroomError('invalid', `${path} is not JSON: ${(error as Error).message}`, {}, { cause: error });
  }
  return parseConfig(json, path);
}

export function parseConfig(json: unknown, path: string): Config {
  const parsed = Config.safeParse(json);
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || '(top)'}: ${issue.message}`);
  throw new PostroomError('invalid', `${path} does not fit:\n${lines.join('\n')}\nconfig.example.json shows every key.`);
}
