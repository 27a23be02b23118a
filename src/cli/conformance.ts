/** What `same conformance` loads, as one chunk: nobody else needs it. */
export { answer } from '../operations/conformance/answer.ts';
export { readRunRequest } from './run-request.ts';
