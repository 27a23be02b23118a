import type { Shown } from '../../operations/show-program.ts';
import type { Environment, Program, Resources } from '../../program/schema.ts';

/** The environments of a program, and what locks them. */
export function environmentRows(program: Program, lock: Shown['artifact']['lock']): string[][] {
  return Object.entries(program.environments ?? {}).map(([name, environment]) => {
    const { requires, variables, description } = environment;
    const what = environmentText(environment, lockText(lock, name));
    const settings = Object.entries(variables ?? {}).map(([key, value]) => `${key}=${value}`);
    return [
      name,
      what,
      [
        requires ? `requires ${requires.commands.join(', ')}` : '',
        settings.length > 0 ? `with ${settings.join(' ')}` : '',
        description ?? '',
      ]
        .filter(Boolean)
        .join(' · '),
    ];
  });
}

/** `python 3.11, locked by uv.lock, or image …`. */
function environmentText(environment: Environment, pythonLock: string): string {
  const { python, r, node, system, image, dockerfile } = environment;
  const lockedBy = (lock: string | undefined, none: string) => (lock ? `locked by ${lock}` : none);
  const rPackages = r?.packages ? `with ${r.packages.join(', ')}` : 'no packages';
  const kinds = [
    python && `python ${python.version}, ${lockedBy(python.lock, pythonLock)}`,
    r && `R ${r.version}, ${lockedBy(r.lock, rPackages)}`,
    node && `node ${node.version}, ${lockedBy(node.lock, 'no packages')}`,
    system && 'the system, not locked',
    image && `image ${image}`,
    dockerfile && `the image of ${dockerfile}`,
  ];
  return kinds.filter(Boolean).join(', or ');
}

function lockText(lock: Shown['artifact']['lock'], name: string): string {
  const platforms = Object.keys(lock?.environments?.[name] ?? {});
  return platforms.length > 0 ? `locked for ${platforms.join(', ')}` : 'no packages';
}

/** What it needs of a machine: resources, secrets, services, targets. */
export function needRows(program: Program): string[][] {
  const rows = resourceRows(program.resources);
  const { steps, finally: last = {} } = program.pipeline;
  for (const [name, { resources }] of [...Object.entries(steps), ...Object.entries(last)])
    rows.push(...resourceRows(resources).map(([what = '', want = '']) => [what, `${want} (step ${name})`]));
  for (const [name, { required, description }] of Object.entries(program.secrets ?? {})) {
    rows.push(['secret', `${name}${required ? '' : ' (optional)'}${description ? `: ${description}` : ''}`]);
  }
  for (const [name, service] of Object.entries(program.services ?? {})) {
    const { resource, version, optional, provides, description } = service;
    const sets = Object.entries(provides ?? {}).map(([variable, property]) => `${variable}=${property}`);
    rows.push([
      'service',
      `${name}: ${resource}${version ? ` ${version}` : ''}${optional ? ' (optional)' : ''}${sets.length > 0 ? ` sets ${sets.join(' ')}` : ''}${description ? `: ${description}` : ''}`,
    ]);
  }
  for (const { name, kind, path, description } of program.infrastructure?.targets ?? [])
    rows.push([
      'target',
      `${name} (${kind})${path ? ` from ${path}` : ''}${description ? `: ${description}` : ''}`,
    ]);
  return rows;
}

function resourceRows({ cpu, memory, disk, gpu }: Resources = {}): string[][] {
  const rows: string[][] = [];
  if (cpu !== undefined) rows.push(['cpu', String(cpu)]);
  if (memory !== undefined) rows.push(['memory', memory]);
  if (disk) rows.push(['disk', disk.size + (disk.class ? ` (${disk.class})` : '')]);
  if (gpu)
    rows.push([
      'gpu',
      `${gpu.count}${gpu.vendor ? ` ${gpu.vendor}` : ''}${gpu.memory ? ` with ${gpu.memory}` : ''}${gpu.optional ? ' (optional)' : ''}`,
    ]);
  return rows;
}
