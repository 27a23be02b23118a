/** What reading a source loads: the manifest parser (YAML, zod), git, archives, pip. One chunk, loaded when needed. */
export { openBlobCollector } from '../content/blob-collector.ts';
export { openPodmanEngine } from '../engines/podman/podman-engine.ts';
export { openBuiltEnvironments } from '../environments/built-environments.ts';
export { unmetInImage } from '../environments/image-commands.ts';
export { openRequirements } from '../environments/open-requirements.ts';
export { lockPython } from '../environments/python.ts';
export { readTomlLock } from '../environments/toml-locks.ts';
export { openHomeUse } from '../host/home-use.ts';
export { fetchToFile } from '../host/http.ts';
export { parseConfiguration } from '../program/configuration.ts';
export { parseDocument } from '../program/document.ts';
export { withAlias, withoutAlias } from '../program/edit-configuration.ts';
export { parseLock } from '../program/lock-file.ts';
export { parseManifest } from '../program/manifest.ts';
export { runRecordFindings } from '../runs/run-record-schema.ts';
export { openSource } from '../sources/open-source.ts';
export { selectFiles } from '../sources/select-files.ts';
export { expandUpstream } from '../sources/upstream.ts';
