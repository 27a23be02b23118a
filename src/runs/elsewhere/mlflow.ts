import { readMlflowDatabase } from './mlflow-database.ts';
import { experimentsIn, type ReadYaml, readMlruns } from './mlruns.ts';
import { type RunsElsewhere, type ToolFiles, unreadable } from './run-elsewhere.ts';

/** What MLflow calls its database unless it is told otherwise. */
const DATABASE = 'mlflow.db';

/**
 * Reads what MLflow kept: its database in SQLite, or its store of files.
 * @param path the database, or a directory that holds it as `mlflow.db`; or the store, or a directory that holds it as
 *   `mlruns`
 * @param absolute the same as an absolute path
 */
export async function readMlflow(
  files: ToolFiles,
  path: string,
  absolute: string,
  readYaml: ReadYaml,
): Promise<RunsElsewhere> {
  // What is named may be a link.
  if (files.kind(`${path}/.`) !== 'directory') return readMlflowDatabase(files, path, absolute);
  const directory = path.replace(/\/+$/, '');
  const database = `${directory}/${DATABASE}`;
  const { root, experiments } = experimentsIn(files, directory);
  const hasFiles = experiments.some((name) => files.kind(`${root}/${name}/meta.yaml`) !== undefined);
  if (files.kind(database) !== 'file') {
    const beside = besideOf(directory);
    if (hasFiles || experiments.length === 0 || files.kind(beside) !== 'file')
      return readMlruns(files, directory, readYaml);
    const message = `it holds only artifacts (no EXPERIMENT/meta.yaml); the runs are in ${beside}`;
    return refused(directory, message, `same import runs --from mlruns ${beside}`);
  }
  if (!hasFiles) return readMlflowDatabase(files, database, `${absolute}/${DATABASE}`);
  const message = `it holds both a database, ${DATABASE}, and a store of files, ${root}`;
  return refused(directory, message, `name one of them: same import runs --from mlruns ${database}`);
}

/** The database in the directory that a directory lies in. */
function besideOf(directory: string): string {
  const [, before = './', name] = /^(.*\/)?([^/]*)$/.exec(directory)!;
  return name === '..' || name === '.' ? `${directory}/../${DATABASE}` : `${before}${DATABASE}`;
}

function refused(directory: string, message: string, hint: string): RunsElsewhere {
  const problem = { ...unreadable(directory, '', message), hint };
  return { runs: [], deleted: [], warnings: [], problems: [problem] };
}
