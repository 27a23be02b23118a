import type { Command } from 'commander';
import type { Cli } from './cli.ts';
import { noteCommand, tagCommand } from './commands/annotate.ts';
import { checkCommand } from './commands/check.ts';
import { commitCommand } from './commands/commit.ts';
import { compareCommand, diffCommand } from './commands/compare.ts';
import { compileCommand } from './commands/compile.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { copyCommand } from './commands/copy.ts';
import { createCommand } from './commands/create.ts';
import { deleteCommand } from './commands/delete.ts';
import { deliverCommand } from './commands/deliver.ts';
import { describeCommand } from './commands/engines.ts';
import { buildCommand } from './commands/environment.ts';
import { exportCommand } from './commands/export.ts';
import { gcCommand } from './commands/gc.ts';
import { getCommand } from './commands/get.ts';
import { importCommand } from './commands/import.ts';
import { listCommand } from './commands/list.ts';
import { lockCommand } from './commands/lock.ts';
import { loginCommand } from './commands/login.ts';
import { logoutCommand } from './commands/logout.ts';
import { logsCommand } from './commands/logs.ts';
import { plotCommand } from './commands/plot.ts';
import { pullCommand } from './commands/pull.ts';
import { pushCommand } from './commands/push.ts';
import { reindexCommand } from './commands/reindex.ts';
import { runPage } from './commands/run-page.ts';
import { serveCommand } from './commands/serve.ts';
import { setCommand } from './commands/set-store.ts';
import { showCommand } from './commands/show.ts';
import { retryCommand, stopCommand } from './commands/stop.ts';
import { sweepPage } from './commands/sweep-page.ts';
import { unpackCommand } from './commands/unpack.ts';
import { verifyCommand } from './commands/verify.ts';
import { versionCommand } from './commands/version.ts';
import { whyCommand } from './commands/why.ts';
import type { VerbName } from './verbs.ts';

/** The page of every verb: its options, its help, and what it calls. */
export const pages: Record<VerbName, (cli: Cli, noun: string) => Command> = {
  create: createCommand,
  run: runPage,
  sweep: sweepPage,
  why: whyCommand,
  compile: compileCommand,
  export: exportCommand,
  import: importCommand,
  push: pushCommand,
  pull: pullCommand,
  copy: copyCommand,
  unpack: unpackCommand,
  verify: verifyCommand,
  show: showCommand,
  list: listCommand,
  describe: describeCommand,
  compare: compareCommand,
  diff: diffCommand,
  serve: serveCommand,
  plot: plotCommand,
  tag: tagCommand,
  note: noteCommand,
  stop: stopCommand,
  retry: retryCommand,
  get: getCommand,
  logs: logsCommand,
  commit: commitCommand,
  lock: lockCommand,
  delete: deleteCommand,
  build: buildCommand,
  gc: gcCommand,
  reindex: reindexCommand,
  check: checkCommand,
  set: setCommand,
  deliver: deliverCommand,
  login: loginCommand,
  logout: logoutCommand,
  conformance: conformanceCommand,
  version: versionCommand,
};

export { keepHeapSmall } from '../host/memory.ts';
export { sweep } from './commands/sweep.ts';
export { hintingAtRecord } from './meant-record.ts';
export { openPorts } from './wiring.ts';
export { parseWith } from './words.ts';
