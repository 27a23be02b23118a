import { isMap, parseDocument } from 'yaml';
import type { MetadataStoreAddress } from './store-address.ts';

/**
 * Sets the store in the text of a valid `config.yaml`, or takes it out. What its user wrote beside it stays, comments and
 * all; a first store comes last.
 */
export function withStore(text: string, store: MetadataStoreAddress | undefined): string {
  const document = parseDocument(text);
  const fields = store && {
    kind: store.kind,
    address: store.address,
    ...(store.caFile === undefined ? {} : { ca: store.caFile }),
  };
  const isBlock = !isMap(document.contents) || !document.contents.flow;
  if (fields && isBlock && !document.has('metadata')) {
    const lines = Object.entries(fields).map(([name, value]) => `    ${name}: ${JSON.stringify(value)}\n`);
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return `${before}metadata:\n  store:\n${lines.join('')}`;
  }
  if (!fields) {
    document.deleteIn(['metadata', 'store']);
    const left = document.get('metadata', true);
    if (isMap(left) && left.items.length === 0) document.delete('metadata');
    if (isMap(document.contents) && document.contents.items.length === 0 && !document.commentBefore)
      return '';
  } else if (isMap(document.get('metadata', true))) {
    document.setIn(['metadata', 'store'], document.createNode(fields));
  } else {
    document.set('metadata', document.createNode({ store: fields }));
  }
  return document.toString({ lineWidth: 0 });
}
