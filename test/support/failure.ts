import { PostroomError } from '../../protocol/errors.ts';

/** The code with which a promise or function ends. */
export async function codeOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return 'done';
  } catch (error) {
    if (error instanceof PostroomError) return error.code;
    throw error;
  }
}

/** What it says to people. */
export async function messageOf(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof PostroomError) return error.message;
    throw error;
  }
  return 'nothing was thrown';
}
