import { ROOT } from '../kubernetes/step-container.ts';

/** What a task has in variables and needs as files: the shim first, the script of its step, and what is packed. */
export interface StartFile {
  /** Below the directory of specifications; of no character that a shell minds. */
  name: string;
  /** In base64. */
  content: string;
}

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
 * @param secrets names of variables that are the step's whatever they are called
 */
export function startText(files: readonly StartFile[], secrets: readonly string[]): string {
  const variables = files.map((_, number) => variableOf(number));
  const kept = secrets.length === 0 ? '' : ` (${secrets.join('|')}) ;;`;
  // What a cluster tells every container of its services is none of the step's business.
  const told = ['KFP_*', '*_SERVICE_HOST', '*_SERVICE_PORT', '*_SERVICE_PORT_*', '*_PORT_[0-9]*'].join('|');
  return `B=${ROOT} N=$1 i=$2 f=\${3#*'"outputFile"'} c=$4 s=
f=\${f#*'"'} f=\${f%%'"'*}
shift 4
mkdir -p "$B/spec" "$B/from" "$B/kept/$N/$i" || exit 125
put() { printf %s "$1" | base64 -d >"$B/spec/$2" || exit 125; }
${files.map(({ name }, number) => `put "$${variables[number]}" ${name}`).join('\n')}
unset ${variables.join(' ')}
for v in $(export -p | while IFS= read -r l; do
  l=\${l#export } l=\${l#declare -x }
  case \${l%%=*} in (''|*[!A-Za-z0-9_]*|[0-9]*) ;;${kept} (${told}) echo "\${l%%=*}" ;;
  (*_PORT) case $l in (*=*://*) echo "\${l%%=*}" ;; esac ;; esac
done); do unset "$v"; done
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
