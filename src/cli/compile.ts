/** What compiles programs for other engines. One chunk, loaded when needed. */
export { ROOT, SECRET, VOLUME } from '../engines/kubernetes/job-pod.ts';
export { compileJobs } from '../engines/kubernetes/jobs.ts';
export { manifestText } from '../engines/kubernetes/manifest-text.ts';
export { jobRefusals } from '../engines/kubernetes/refusals.ts';
export { shimText } from '../engines/shim.ts';
export { placesTaken } from '../engines/step-script.ts';
export { compileProgram } from '../operations/compile-program.ts';
