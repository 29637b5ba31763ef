/** A daemon as a process of its own, run from source, so that it can be killed at any instruction. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { makeHome } from '../../daemon/home.ts';
import { openStore } from '../../daemon/store/store.ts';
import { type Client, connect, type DaemonEvent } from '../../protocol/client.ts';
import { readIdentity } from '../../protocol/keys.ts';
import { type Places, places } from '../../protocol/places.ts';
import { type TempDir, tempDir } from './tempdir.ts';

const program = fileURLToPath(new URL('../../daemon/main.ts', import.meta.url));

/** A clean stop that takes longer hangs. */
const stopLimitMs = 60_000;

export class DaemonProcess implements AsyncDisposable {
  readonly places: Places;
  readonly #directory: TempDir;
  #child: ChildProcess | null = null;
  #output = '';

  private constructor(directory: TempDir) {
    this.#directory = directory;
    this.places = places(directory.path);
  }

  /** A home with eva in it, and its daemon running. */
  static async start(config: Record<string, unknown> = {}): Promise<DaemonProcess> {
    const daemon = new DaemonProcess(await tempDir());
    await makeHome(daemon.places, { organisation: 'Harbour Books', admin: 'eva', email: null, config }, Date.now());
    await daemon.run();
    return daemon;
  }

  /** Starts it; resolves when it says that it runs. */
  async run(): Promise<void> {
    const child = spawn(process.execPath, [program, 'daemon', 'run', '--home', this.#directory.path], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.#output = '';
    await new Promise<void>((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        this.#output += chunk.toString();
        if (this.#output.includes('the daemon runs')) resolve();
      };
      child.stdout?.on('data', hear);
      child.stderr?.on('data', hear);
      child.once('exit', (code, signal) => reject(new Error(`the daemon ended (${signal ?? code}): ${this.#output}`)));
    });
  }

  /** `kill -9`, and gone when it returns. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Asks it to stop; what it exits with, null when it did not run. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the daemon does not run');
    return pid;
  }

  /** What it printed since it was started. */
  get output(): string {
    return this.#output;
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return null;
    const gone = once(child, 'exit');
    child.kill(signal);
    let hung = false;
    const limit = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, stopLimitMs);
    const [code] = await gone.finally(() => clearTimeout(limit));
    if (hung) throw new Error(`the daemon did not end within ${stopLimitMs} ms of ${signal}: ${this.#output}`);
    return typeof code === 'number' ? code : null;
  }

  connect(onEvent?: (event: DaemonEvent) => void): Promise<Client> {
    const identity = readIdentity(this.places.identity);
    if (identity === null) throw new Error('the home has no identity');
    return connect({ identity, connectTimeoutMs: 10_000, ...(onEvent === undefined ? {} : { onEvent }) });
  }

  /** What the store's own checks find; the daemon is stopped first. */
  async check(): Promise<string[]> {
    await this.stop();
    const store = await openStore({ home: this.places.data });
    try {
      return await store.check();
    } finally {
      await store.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#directory[Symbol.asyncDispose]();
  }
}
