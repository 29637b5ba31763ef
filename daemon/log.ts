/** The daemon's log: JSON lines in log/daemon.log. Ids instead of subjects; secrets never (they live in `Secret`, which prints as [secret]). */
import pino from 'pino';
import type { Config } from './config.ts';
import { LogFile } from './log-file.ts';

export type Log = pino.Logger;

export function openLog(level: Config['log']['level'], destination: { file: string } | { stderr: true }): Log {
  const stream = 'file' in destination ? new LogFile(destination.file) : pino.destination({ dest: 2, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: pino.stdSerializers.err, error: pino.stdSerializers.err },
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

export const silentLog = (): Log => pino({ level: 'silent' });
