export { version } from '../protocol/version.ts';
