import { verifyIntegrity } from '../verify-integrity.ts';
import { type ByteString, bytesOf, type Desk } from './desk.ts';
import { type LimitNumbers, limitsOf } from './unpack.ts';

/** Everything that is wrong with a bundle; its digests when nothing is. */
export async function verify(desk: Desk, input: { archive: ByteString; limits?: LimitNumbers }) {
  const ports = desk.open();
  const file = `${desk.directory}/bundle`;
  ports.files.write(file, bytesOf(input.archive));
  const { findings, digests } = await verifyIntegrity(ports, file, { limits: limitsOf(input.limits) });
  const reported = findings.map(({ code, clause }) => ({
    code,
    ...(clause === undefined ? {} : { clause }),
  }));
  if (!digests || findings.length > 0) return { findings: reported };
  const { program, index, archive } = digests;
  return { digests: { program, index, archive }, findings: reported };
}
