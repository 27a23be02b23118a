import { ROOT } from '../kubernetes/step-container.ts';
import { secretVariable } from '../step-variables.ts';
import { accountOf } from '../submitted/account.ts';

/** What a task has in variables and needs as files: the shim first, the script of its step, and what is packed. */
export interface StartFile {
  /** Below the directory of specifications; of no character that a shell minds. */
  name: string;
  /** In base64. */
  content: string;
}

/** The file, beside what a watched task reads, that is there as long as what was handed over with it is not over. */
export const OF = 'of';

/** Names of the variables that hold files, by their number. */
export function variableOf(file: number): string {
  return `SAME_FILE_${file}`;
}

/**
 * The first command of a task, of which Kubeflow fills in nothing: sh, which lays files out of variables, unpacks the
 * artifacts that the step reads, lets the shim carry the attempt, and packs what it left, each output with the account
 * of the attempt. An artifact is a tar archive, for stores of artifacts know neither modes nor empty directories.
 * Arguments: STEP SLOT, what Kubeflow tells the task as JSON, COUNT, as many paths of artifacts to read, and of each
 * artifact to write what goes into it, its name, path and address. The last are told in the file that the JSON names:
 * the local runner of Kubeflow takes for written only what stands there.
 */
export function startText(files: readonly StartFile[]): string {
  const variables = files.map((_, number) => variableOf(number));
  return `B=${ROOT} N=$1 i=$2 f=\${3#*'"outputFile"'} c=$4 s=
f=\${f#*'"'} f=\${f%%'"'*}
shift 4
mkdir -p "$B/spec" "$B/from" "$B/kept/$N/$i" || exit 125
put() { printf %s "$1" | base64 -d >"$B/spec/$2" || exit 125; }
${files.map(({ name }, number) => `put "$${variables[number]}" ${name}`).join('\n')}
unset ${variables.join(' ')}
${HIDDEN}
while [ "$c" -gt 0 ]; do
  tar -xf "$1" -C "$B/from" || exit 125
  shift
  c=$((c-1))
done
SAME_DIR=$B SAME_KEEP=$B/kept/$N/$i SAME_CELL=$i SAME_STEP_FILE=$B/spec/step.sh sh "$B/spec/shim.sh" &
p=$!
trap 'kill -TERM "$p"' TERM INT
while wait "$p"; r=$?; kill -0 "$p" 2>/dev/null; do :; done
[ "$r" = 0 ] || exit "$r"
mkdir -p "\${f%/*}" && printf '{"artifacts":{' >"$f" || exit 125
while [ $# -gt 0 ]; do
  mkdir -p "\${3%/*}" && tar -cf "$3" -C "$B/kept" "$N/$i/.same/exit.json" "$N/$i/$1" || exit 125
  printf '%s"%s":{"artifacts":[{"name":"%s","uri":"%s"}]}' "$s" "$2" "$2" "$4" >>"$f"
  s=,
  shift 4
done
echo '}}' >>"$f"
`;
}

/** Takes what a cluster and Kubeflow tell every container out of the environment: that is none of the step's business. */
const HIDDEN = `for v in $(export -p | while IFS= read -r l; do
  l=\${l#export } l=\${l#declare -x }
  case \${l%%=*} in (''|*[!A-Za-z0-9_]*|[0-9]*|SAME_SECRET_*) ;;
  (KFP_*|*_SERVICE_HOST|*_SERVICE_PORT|*_SERVICE_PORT_*|*_PORT_[0-9]*) echo "\${l%%=*}" ;;
  (*_PORT) case $l in (*=*://*) echo "\${l%%=*}" ;; esac ;; esac
done); do unset "$v"; done`;

/**
 * The first command of a task of a run that its client watches: sh, which puts together what is mounted for it, puts the
 * account of the attempt before aside, unless that was the last one, and lets the shim carry the attempt. What it reads
 * and leaves lies on the volume of the run, as does what is handed over when the run is gone on with: a task that Kubeflow
 * begins late finds all but {@link OF} there, which is its own. Arguments: STEP SLOT RETRIES, of which the last is for the
 * client.
 * @param secrets what the step is told
 * @param optional those of them without which it may run
 */
export function watchedStartText(secrets: readonly string[], optional: readonly string[]): string {
  const required = secrets.filter((name) => !optional.includes(name));
  return `B=${ROOT} i=$2 n=0 r=
K=$B/keep/$i
mkdir -p "$B/spec" "$K" || exit 125
for f in "$B"/config/*/*; do [ ! -f "$f" ] || ln -s "$f" "$B/spec/" || exit 125; done
[ -f "$B/spec/${OF}" ] && [ -f "$B/spec/shim.sh" ] && [ -f "$B/spec/step.sh" ] || { echo 'same: the run has ended' >&2; exit 125; }
${required.map(demanded).join('')}for a in "$K"/${accountOf('*')}; do [ ! -d "$a" ] || n=$((n+1)); done
[ ! -f "$K/.same/exit.json" ] || read -r r <"$K/.same/exit.json"
[ ! -d "$K/.same" ] || { n=$((n+1)); case $r in *'"again":false'*) ;; *) mv "$K/.same" "$K/${accountOf('$n')}" || exit 125; esac; }
${HIDDEN}
SAME_DIR=$B SAME_KEEP=$K SAME_CELL=$i SAME_RETRIES=$n SAME_STEP_FILE=$B/spec/step.sh exec sh "$B/spec/shim.sh"
`;
}

/** A pod that waited for a secret which is gone would wait for ever: it begins without, and ends. */
function demanded(secret: string): string {
  return `[ "\${${secretVariable(secret)}+x}" ] || { echo 'same: no secret ${secret}' >&2; exit 125; }\n`;
}
