import { readFileSync } from 'node:fs';

/** What one process cost, its children included. */
export interface Cost {
  /** The most memory that was resident at once, in bytes, of the process or any child it waited for. */
  peakBytes: number;
  /** User and system time, in seconds. */
  cpuS: number;
}

// The kernel's own account of a child that ended; node tells only its own.
const SCRIPT = `
import os, sys
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, used = os.wait4(child, 0)
with open(sys.argv[1], 'w') as report:
    report.write(f'{used.ru_maxrss} {used.ru_utime + used.ru_stime}')
sys.exit(os.waitstatus_to_exitcode(status))
`;

/** Words to put in front of a command, whose first is an absolute path; what it cost is then in the file `report`. */
export function measuring(report: string): string[] {
  return ['python3', '-c', SCRIPT, report];
}

/** What the measured command cost. */
export function costIn(report: string): Cost {
  const [peakKib, cpuS] = readFileSync(report, 'utf8').split(' ').map(Number);
  return { peakBytes: peakKib! * 1024, cpuS: cpuS! };
}
