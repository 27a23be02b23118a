/** What compiles programs for other engines. One chunk, loaded when needed. */
import { shimText } from '../engines/shim.ts';
import { placesTaken } from '../engines/step-script.ts';
import type { Ports } from '../operations/ports.ts';
import { type CompiledWords, compileRunWords, compileSweepWords } from './compiled-words.ts';

export { manifestText } from '../engines/kubernetes/manifest-text.ts';
export { sealed, writeCompiled } from '../operations/write-compiled.ts';

/** What they all need of what carries steps. */
const carried = () => ({ shim: shimText(), placesTaken });

/** The compilers by the names of their engines, each loaded when it is asked for. */
export const compilers: Record<string, (ports: Ports, words: string[]) => Promise<CompiledWords>> = {
  async kubernetes(ports, words) {
    const { jobsCompiler } = await import('../engines/kubernetes/compiler.ts');
    return compileRunWords(ports, words, { ...jobsCompiler, ...carried() });
  },
  async argo(ports, words) {
    const { workflowCompiler } = await import('../engines/argo/compiler.ts');
    return compileRunWords(ports, words, { ...workflowCompiler, ...carried() });
  },
  async tekton(ports, words) {
    const { pipelineRunCompiler } = await import('../engines/tekton/compiler.ts');
    return compileRunWords(ports, words, { ...pipelineRunCompiler, ...carried() });
  },
  async kubeflow(ports, words) {
    const { pipelineCompiler } = await import('../engines/kubeflow/compiler.ts');
    return compileRunWords(ports, words, { ...pipelineCompiler, ...carried() });
  },
  async katib(ports, words) {
    const { experimentCompiler } = await import('../engines/katib/compiler.ts');
    return compileSweepWords(ports, words, { ...experimentCompiler, ...carried() });
  },
};
