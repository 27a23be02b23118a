/** Event files as the real writers wrote them, in base64. */
const files = {
  /** tensorboardX 2.6.5: five values of loss/train from 2023-11-14T22:13:20.250Z on, a text and a histogram. */
  scalars:
    'GAAAAAAAAACjf0siCVA338yOwNpBGg1icmFpbi5FdmVudDoyqjAj/h4AAAAAAAAA2dwSMgkAABBA/FTZQSoTChEKCmxvc3MvdHJhaW4VAACAP8eOY9sgAAAAAAAAACntqVAJAABQQPxU2UEQASoTChEKCmxvc3MvdHJhaW4VAAAAP8lfhrEgAAAAAAAAACntqVAJAACQQPxU2UEQAioTChEKCmxvc3MvdHJhaW4Vq6qqPuO4JP0gAAAAAAAAACntqVAJAADQQPxU2UEQAyoTChEKCmxvc3MvdHJhaW4VAACAPruglW8gAAAAAAAAACntqVAJAAAQQfxU2UEQBCoTChEKCmxvc3MvdHJhaW4VzcxMPnHz//M7AAAAAAAAABojrFwJAH/fzI7A2kEqMAouChFub3RlL3RleHRfc3VtbWFyeUIPCAcSBBICCAFCBWhlbGxvSggKBgoEdGV4dAG+ml0mAQAAAAAAAHWfc6oJJaTfzI7A2kEqmgIKlwIKAWgqkQIJAAAAAAAA8D8RAAAAAAAACEAZAAAAAAAACEAhAAAAAAAAGEApAAAAAAAALEAycAiZaRkVWu0/KxT6zb4k8D9jScYVBcLxP7pQjTGfiPM/Mz/oHK989T+FRcyfwKL3P3lM+uLT//k/U4dGE2mZ/D/clM0ujXX/P+AR8Qx0TQFAd2A8DmYIA0DqNg92o+8EQGi8EDWaBwdADZzFoClVCUA6cAAAAAAAAAAAAAAAAAAA8D8AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPA/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA8D+zayG/',
  /** tensorboardX 2.6.5, `add_hparams({lr: 0.1, bsize: 32, opt: 'adam', flag: True}, {'hparam/accuracy': 0.9})`. */
  hyperParameters:
    'GAAAAAAAAACjf0siCQJb4cyOwNpBGg1icmFpbi5FdmVudDoy4JlIAW8AAAAAAAAAbDGB3gmJKOLMjsDaQSpkCmIKFF9ocGFyYW1zXy9leHBlcmltZW50SkoKSAoHaHBhcmFtcxI9EjsiBgoCbHIgAyIJCgVic2l6ZSADIgcKA29wdCABIggKBGZsYWcgAioTChESD2hwYXJhbS9hY2N1cmFjeUn+eWZ8AAAAAAAAAMnjx8gJDHbjzI7A2kEqcQpvChxfaHBhcmFtc18vc2Vzc2lvbl9zdGFydF9pbmZvSk8KTQoHaHBhcmFtcxJCGkAKEgoFYnNpemUSCREAAAAAAABAQAoNCgNvcHQSBhoEYWRhbQoPCgJschIJEZqZmZmZmbk/CgoKBGZsYWcSAiABMbojrjwAAAAAAAAAyLejUglIduPMjsDaQSoxCi8KGl9ocGFyYW1zXy9zZXNzaW9uX2VuZF9pbmZvShEKDwoHaHBhcmFtcxIEIgIIAeBU/nQjAAAAAAAAALCfd0MJa3jjzI7A2kEqGAoWCg9ocGFyYW0vYWNjdXJhY3kVZmZmP2d1vRo=',
  /** tensorboard 2.21, as TensorFlow 2 writes scalars: three tensors of acc. */
  tensors:
    'SAAAAAAAAAD+kkidCVMM6HiPwNpBGg1icmFpbi5FdmVudDoyUi4KLHRlbnNvcmJvYXJkLnN1bW1hcnkud3JpdGVyLmV2ZW50X2ZpbGVfd3JpdGVypIdk9jAAAAAAAAAAlfXQXwkAACBZ/FTZQSolCiMKA2FjY0IKCAESACoEAAAAP0oQCgkKB3NjYWxhcnMSA2FjYysCkpkyAAAAAAAAACQZVuwJAABgWfxU2UEQASolCiMKA2FjY0IKCAESACoEmpkZP0oQCgkKB3NjYWxhcnMSA2FjY9fwGm8yAAAAAAAAACQZVuwJAACgWfxU2UEQAiolCiMKA2FjY0IKCAESACoEMzMzP0oQCgkKB3NjYWxhcnMSA2FjY909cUI=',
};

/** One of them, as bytes. */
export function eventFile(name: keyof typeof files): Buffer {
  return Buffer.from(files[name], 'base64');
}

/** One record, framed as an event file frames it. */
export function framedRecord(bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(bytes.length));
  head.writeUInt32LE(maskedCrc(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc(bytes));
  return Buffer.concat([head, bytes, tail]);
}

/** CRC-32C bit by bit, turned and shifted as TFRecord does. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
