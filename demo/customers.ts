/**
 * The customers of a demo, as a process: `demo-customers.js HOME [--mute]`. They are the mail server that the daemon's relay leads to,
 * answer what the shop writes, and write by themselves now and then. The daemon is their child: when it ends, so do they. Mute ones
 * take mail and say nothing: while the home is made.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../protocol/frame.ts';
import { othersPlay, type Ports, program, readPorts } from './home.ts';
import { arrival, replyTo } from './replies.ts';
import { type Envelope, listen, send } from './smtp.ts';

const firstArrivalMs = 8_000;
const arrivalEveryMs = 45_000;
const answerAfterMs = 5_000;

const say = (text: string): void => void process.stdout.write(`${new Date().toISOString()} ${text}\n`);

async function main([root = '', ...options]: string[]): Promise<number> {
  const ports = readPorts(root);
  const mute = options.includes('--mute');
  const customers = new Customers(root, ports);
  let relay: Awaited<ReturnType<typeof listen>>;
  try {
    relay = await listen(ports.relay, { refuse, take: mute ? () => undefined : (envelope, octets) => customers.read(envelope, octets) });
  } catch (error) {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    say(`port ${ports.relay} is taken: by the customers of a demo that runs here already, or by another program`);
    return othersPlay;
  }
  if (!mute) customers.write(firstArrivalMs);

  const daemon = spawn(process.execPath, [program('daemon'), 'daemon', 'run', '--home', root], { stdio: 'inherit' });
  for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => daemon.kill('SIGTERM'));
  const [code] = await once(daemon, 'exit');
  customers.fallSilent();
  await relay.close();
  return code ?? 1;
}

/** Everybody at `gone.example` is, so that somebody who watches can have a mail fail. */
const refuse = (address: string): string | null =>
  address.toLowerCase().endsWith('@gone.example') ? `550 5.1.1 <${address}>: nobody of that name any more` : null;

class Customers {
  readonly #ports: Ports;
  /** How many of the arrivals came, in earlier runs too: none comes twice. */
  readonly #counter: string;
  readonly #waiting = new Set<NodeJS.Timeout>();

  constructor(root: string, ports: Ports) {
    this.#ports = ports;
    this.#counter = join(root, 'arrived');
  }

  /** They think for a moment, then answer. */
  read({ rcptTo }: Envelope, octets: Buffer): void {
    for (const rcpt of rcptTo) {
      this.#later(answerAfterMs, async () => {
        const reply = replyTo(octets, rcpt, new Date());
        if (reply !== null) await send(this.#ports.smtp, reply.envelope, reply.octets);
      });
    }
  }

  /** The next mail of their own after so long, and the others after it. */
  write(afterMs: number): void {
    this.#later(afterMs, async () => {
      const count = this.#arrived();
      const next = arrival(count, new Date());
      if (next === null) return;
      this.write(arrivalEveryMs);
      await send(this.#ports.smtp, next.envelope, next.octets);
      writeFileSync(this.#counter, String(count + 1), { mode: 0o600 });
    });
  }

  fallSilent(): void {
    for (const timer of this.#waiting) clearTimeout(timer);
    this.#waiting.clear();
  }

  #later(ms: number, act: () => Promise<void>): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(timer);
      act().catch((error: unknown) => say(`a customer's mail was not taken: ${error instanceof Error ? error.message : String(error)}`));
    }, ms);
    this.#waiting.add(timer);
  }

  #arrived(): number {
    try {
      return Number(readFileSync(this.#counter, 'utf8'));
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return 0;
      throw error;
    }
  }
}

process.exitCode = await main(process.argv.slice(2));
