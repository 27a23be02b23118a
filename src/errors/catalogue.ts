/**
 * Every error code of the product. Codes are permanent: a code is never reused for another meaning.
 * `exit` is the process exit code (house rules: 2 usage, 3 not found, 4 conflict, 5 environment, 6 unavailable,
 * 7 integrity, 8 claims, 10 requirements, 70 our bug, 130 interrupted; 1 is the program's own failure).
 */
export const catalogue = {
  // The manifest (spec chapter program)
  SAME1001: { exit: 2, title: 'manifest is not valid YAML or JSON' },
  SAME1002: { exit: 2, title: 'manifest uses YAML that JSON cannot say (anchor, alias, tag, merge key)' },
  SAME1003: { exit: 2, title: 'duplicate key' },
  SAME1004: { exit: 2, title: 'unknown field' },
  SAME1005: { exit: 2, title: 'field has the wrong type or value' },
  SAME1006: { exit: 2, title: 'version-like field is not a string' },
  SAME1007: { exit: 2, title: 'unknown apiVersion or kind' },
  SAME1008: { exit: 2, title: 'missing field' },
  SAME1009: { exit: 2, title: 'reference inside the manifest leads nowhere' },
  SAME1010: { exit: 2, title: 'template is not valid' },
  SAME1011: { exit: 2, title: 'manifest is over its size limit or not UTF-8' },
  SAME1012: { exit: 2, title: 'required extension is not known to this version' },
  SAME1013: { exit: 2, title: 'cycle in the pipeline' },
  SAME1014: { exit: 2, title: 'path leaves the program or is not portable' },
  SAME1015: { exit: 2, title: 'number is not finite or not exactly representable' },
  SAME1016: { exit: 2, title: 'field is not supported by the chosen engine' },
  // Parameters
  SAME1101: { exit: 2, title: 'unknown parameter' },
  SAME1102: { exit: 2, title: 'parameter value has the wrong type' },
  SAME1103: { exit: 2, title: 'parameter value is out of its declared range or set' },
  SAME1104: { exit: 2, title: 'parameter has no value' },
  SAME1105: { exit: 2, title: 'parameter schema is not valid' },
  SAME1106: { exit: 2, title: 'parameter names collide' },
  SAME1107: { exit: 2, title: 'unknown profile' },
  SAME1108: { exit: 2, title: 'parameters file cannot be read' },
  // Names, versions, references, sources
  SAME1201: { exit: 2, title: 'name is not valid' },
  SAME1202: { exit: 2, title: 'version is not valid' },
  SAME1203: { exit: 2, title: 'reference is not valid' },
  SAME1204: { exit: 3, title: 'program or version not found' },
  SAME1205: { exit: 3, title: 'source not found' },
  SAME1206: { exit: 4, title: 'name and version are pinned to another digest' },
  SAME1207: { exit: 4, title: 'name or version differs only in spelling from one that is there' },
  SAME1208: { exit: 2, title: 'source form is not supported' },
  SAME1209: { exit: 6, title: 'source cannot be reached' },
  SAME1210: { exit: 2, title: 'file in the source cannot be packed' },
  SAME1211: { exit: 3, title: 'source has no such revision or version' },
  SAME1212: { exit: 2, title: 'upstream or patch cannot be applied' },
  SAME1213: { exit: 2, title: 'file looks like a secret' },
  // Bundles and content
  SAME1301: { exit: 7, title: 'digest or size does not match' },
  SAME1302: { exit: 7, title: 'bundle is not canonical or not complete' },
  SAME1303: { exit: 7, title: 'archive has an entry that is refused' },
  SAME1304: { exit: 7, title: 'archive is over a limit' },
  SAME1305: { exit: 3, title: 'blob is not in the content store' },
  SAME1306: { exit: 2, title: 'file is not a bundle' },
  SAME1307: { exit: 2, title: 'bundle needs a later version of same' },
  // The home
  SAME1401: { exit: 5, title: 'home cannot be written' },
  SAME1402: { exit: 5, title: 'no space left on the device' },
  SAME1403: { exit: 4, title: 'file exists already' },
  SAME1404: { exit: 5, title: 'file system refused' },
  SAME1405: { exit: 4, title: 'in use by another process' },
  // Environments
  SAME1501: { exit: 5, title: 'interpreter not found' },
  SAME1502: { exit: 5, title: 'environment cannot be built' },
  SAME1503: { exit: 5, title: 'environment is not locked' },
  SAME1504: { exit: 5, title: 'lock has nothing for this platform' },
  SAME1505: { exit: 2, title: 'lock file is not valid' },
  // Running
  SAME1601: { exit: 1, title: 'step failed' },
  SAME1602: { exit: 1, title: 'step timed out' },
  SAME1603: { exit: 1, title: 'step did not write a declared output' },
  SAME1604: { exit: 1, title: 'step wrote where it may not' },
  SAME1605: { exit: 1, title: 'step changed one of its inputs' },
  SAME1606: { exit: 1, title: 'metric cannot be read' },
  SAME1607: { exit: 130, title: 'run was canceled' },
  SAME1608: { exit: 3, title: 'run not found' },
  SAME1609: { exit: 4, title: 'run is still going or is not yours to change' },
  SAME1610: { exit: 1, title: 'step cannot be started' },
  SAME1611: { exit: 1, title: 'step output is not a regular file or directory' },
  SAME1612: { exit: 7, title: 'run record or journal is damaged' },
  // Requirements and targets
  SAME1701: { exit: 10, title: 'requirement is not met' },
  SAME1702: { exit: 6, title: 'target or engine is not available' },
  // Registries
  SAME1801: { exit: 6, title: 'registry cannot be reached or answers wrongly' },
  SAME1802: { exit: 6, title: 'registry wants another login, or does not allow it' },
  SAME1803: { exit: 3, title: 'nothing of that name is in the registry' },
  SAME1804: { exit: 4, title: 'tag leads to another digest' },
  SAME1805: { exit: 2, title: 'registry address, alias or authority is not valid' },
  SAME1806: { exit: 6, title: 'registry refuses what it is sent' },
  SAME1807: { exit: 5, title: 'stored logins cannot be read or written' },
  // Usage
  SAME1901: { exit: 2, title: 'unknown option' },
  SAME1902: { exit: 2, title: 'usage' },
  SAME1903: { exit: 130, title: 'interrupted' },
  SAME7001: { exit: 70, title: 'a bug in same' },
} as const;

/** A permanent error code, `SAME` and four digits. */
export type ErrorCode = keyof typeof catalogue;
