import { quoted } from './script-command.ts';

/** What the shim and engines themselves set and no step may see (spec SAME-STP-008). */
export const NOT_FOR_STEPS: readonly string[] = [
  ...['DIR', 'KEEP', 'CELL', 'STEP_FILE', 'STEP_B64', 'GRACE', 'EXIT_COPY', 'RETRIES'].map(
    (name) => `SAME_${name}`,
  ),
  ...['SERVICE_HOST', 'SERVICE_PORT', 'SERVICE_PORT_HTTPS', 'PORT', 'PORT_443_TCP'].map(
    (name) => `KUBERNETES_${name}`,
  ),
  ...['PROTO', 'PORT', 'ADDR'].map((name) => `KUBERNETES_PORT_443_TCP_${name}`),
  ...['CONTAINER_NAME', 'TEMPLATE', 'NODE_ID', 'INCLUDE_SCRIPT_OUTPUT', 'DEADLINE', 'PROGRESS_FILE'].map(
    (name) => `ARGO_${name}`,
  ),
  ...[
    'ARGO_POD_NAME',
    'ARGO_POD_UID',
    'ARGO_WORKFLOW_NAME',
    'ARGO_WORKFLOW_UID',
    'ARGO_PROGRESS_PATCH_TICK_DURATION',
    'ARGO_PROGRESS_FILE_TICK_DURATION',
    'GODEBUG',
    'TRACEPARENT',
    'TRACESTATE',
  ],
  ...['JOB_COMPLETION_INDEX', 'HOSTNAME'],
  // What shells set on their own.
  ...['PWD', 'OLDPWD', 'SHLVL'],
];

/** What some shell keeps for itself: it takes no other value, or shows one of its own. */
const OF_SHELLS = new Set([
  ...['_', 'DIRSTACK', 'EPOCHREALTIME', 'EPOCHSECONDS', 'EUID', 'FUNCNAME', 'GROUPS', 'HISTCMD', 'LINENO'],
  ...['OPTIND', 'PIPESTATUS', 'PPID', 'RANDOM', 'SECONDS', 'SHELLOPTS', 'SHLVL', 'SRANDOM', 'UID'],
  ...['BASH', 'BASHOPTS', 'BASHPID', 'BASH_ALIASES', 'BASH_ARGC', 'BASH_ARGV', 'BASH_ARGV0', 'BASH_CMDS'],
  ...['BASH_COMMAND', 'BASH_LINENO', 'BASH_SOURCE', 'BASH_SUBSHELL', 'BASH_VERSINFO', 'BASH_VERSION'],
]);

/** Whether a variable of this name cannot be handed on by every shell. */
export function isOfShells(name: string): boolean {
  return OF_SHELLS.has(name);
}

/** The variable in which an engine tells the shim a secret: a step may call one like what shells use themselves. */
export function secretVariable(name: string): string {
  return `SAME_SECRET_${name}`;
}

/** The function of a script that gives the command its variables and secrets, and nobody else. */
export function variableLines(
  variables: Readonly<Record<string, string>>,
  secrets: readonly string[],
): string[] {
  return [
    'vars() {',
    ...Object.entries(variables).map(([name, value]) => `export ${name}=${quoted(value)}`),
    ...secrets.map(secretLine),
    ':',
    '}',
  ];
}

function secretLine(name: string): string {
  const told = secretVariable(name);
  return `[ -z "\${${told}+x}" ] || export ${name}="$${told}"; unset ${told}`;
}
