import { isObsmithError } from '../../errors.js';
import { canonicalJson } from '../../methods/canonical-json.js';
import type { Json } from '../../methods/types.js';
import { QUIET } from '../../tasks/types.js';
import { type ArrayNode, storeVersion } from '../zarr/metadata.js';
import { type ArrayRecord, arrayFiles, readRecord, writeRecord } from './array-record.js';
import { listedKeys } from './listing.js';
import { chunkFiles, inheritedKeys, type Provenance, provenanceOf, readObsmNode } from './obsm-array.js';
import { summarizeRows } from './rows-summary.js';
import { storeExists } from './store-exists.js';

/** What an array must be to count as existing. */
export interface ExpectedArray {
  readonly rows: number;
  readonly dim: number;
  /** What it would be computed from now; the array's own provenance may say more. */
  readonly provenance: { readonly [key: string]: Json };
  /** Whether an array without our provenance may count: methods without a fit, `adopt_existing` true. */
  readonly adoptable: boolean;
}

/**
 * complete: valid, with this provenance. adopted: valid, made by others. missing: not there. stale: made from other
 * input or parameters, or by others and not adoptable. broken: blocks missing, wrong shape or values, or not listed in
 * the consolidated metadata. inherited: the input had it.
 */
export interface ArrayState {
  readonly state: 'complete' | 'adopted' | 'missing' | 'stale' | 'broken' | 'inherited';
  readonly reason: string;
}

/**
 * Decides whether `obsm/<key>` of an output store exists as expected, and remembers what reading it found. Fast where
 * its files look as they did then (size and modification time); otherwise all of it is read and its digest compared.
 */
export async function arrayState(store: string, key: string, expected: ExpectedArray): Promise<ArrayState> {
  const { state, found } = await examine(store, key, expected);
  if (found) await writeRecord(store, key, found);
  return state;
}

/** As `arrayState`, but changes nothing on disk. */
export async function examineArray(store: string, key: string, expected: ExpectedArray): Promise<ArrayState> {
  return (await examine(store, key, expected)).state;
}

interface Examined {
  readonly state: ArrayState;
  /** Set where the array had to be read. */
  readonly found?: ArrayRecord;
}

async function examine(store: string, key: string, expected: ExpectedArray): Promise<Examined> {
  if (!(await storeExists(store))) return verdict('missing', 'there is no output store yet');
  try {
    const version = storeVersion(store);
    const node = readObsmNode(store, key, version);
    if (node === null) return verdict('missing', `the output has no obsm/${key}`);
    if (inheritedKeys(store, version)?.includes(key)) return verdict('inherited', `obsm/${key} came with the input`);
    if (node === 'group') return verdict('broken', `obsm/${key} is a group, expected an array`);
    const provenance = provenanceOf(node);
    return provenance
      ? await judgeOurs(store, key, node, provenance, expected)
      : await judgeForeign(store, key, node, expected);
  } catch (error) {
    if (!isObsmithError(error) || error.type !== 'InvalidInput') throw error;
    return verdict('broken', error.message);
  }
}

const verdict = (state: ArrayState['state'], reason: string, found?: ArrayRecord): Examined =>
  found ? { state: { state, reason }, found } : { state: { state, reason } };

async function judgeOurs(
  store: string,
  key: string,
  node: ArrayNode,
  provenance: Provenance,
  expected: ExpectedArray,
): Promise<Examined> {
  const differing = Object.keys(expected.provenance).filter(
    (name) => !sameJson(provenance[name], expected.provenance[name]),
  );
  if (expected.provenance.fit === undefined && provenance.fit !== undefined) differing.push('fit');
  if (differing.length > 0)
    return verdict(
      'stale',
      differing.flatMap((name) => describeChanges(name, provenance[name], expected.provenance[name])).join('; '),
    );
  const shape = wrongShape(node, expected) ?? wrongType(node);
  if (shape) return verdict('broken', shape);
  const files = await arrayFiles(store, key);
  for (const file of chunkFiles(node)) {
    if (!files.names.has(file)) return verdict('broken', `row block ${file} of obsm/${key} is missing`);
  }
  if (listedKeys(store)?.has(key) === false) {
    return verdict('broken', `obsm/${key} is not listed in the consolidated metadata`);
  }
  const record = await readRecord(store, key);
  const known = record?.fingerprint === files.fingerprint ? record : null;
  const found = known ?? { ...(await read(node, 'error')), fingerprint: files.fingerprint };
  if (found.digest !== provenance.digest) {
    return verdict(
      'broken',
      `obsm/${key} has digest ${found.digest}, its provenance says ${String(provenance.digest)}`,
    );
  }
  return verdict('complete', 'shape, row blocks and provenance match', known ? undefined : found);
}

async function judgeForeign(store: string, key: string, node: ArrayNode, expected: ExpectedArray): Promise<Examined> {
  const shape = wrongShape(node, expected);
  if (shape) return verdict('broken', shape);
  if (!expected.adoptable) return verdict('stale', `obsm/${key} has no provenance of Obsmith and is not adopted`);
  const files = await arrayFiles(store, key);
  const record = await readRecord(store, key);
  const known = record?.fingerprint === files.fingerprint ? record : null;
  const found = known ?? { ...(await read(node, 'fill')), fingerprint: files.fingerprint };
  const news = known ? undefined : found;
  if (!found.finite) return verdict('broken', `obsm/${key} has values that are not finite`, news);
  if (found.zeroRows > 0) return verdict('broken', `obsm/${key} has ${found.zeroRows} rows of zeros`, news);
  return verdict('adopted', 'made by others; shape and values are valid', news);
}

async function read(node: ArrayNode, absent: 'error' | 'fill'): Promise<Omit<ArrayRecord, 'fingerprint'>> {
  const { digest, zeroRows, nonFinite } = await summarizeRows(node, QUIET, absent);
  return { digest, zeroRows, finite: nonFinite === null };
}

function wrongShape({ element, shape }: ArrayNode, { rows, dim }: ExpectedArray): string | null {
  if (shape.length === 2 && shape[0] === rows && shape[1] === dim) return null;
  return `${element} has shape (${shape.join(', ')}), expected (${rows}, ${dim})`;
}

const wrongType = ({ element, dtype }: ArrayNode): string | null =>
  dtype.name === 'float32' ? null : `${element} is ${dtype.name}, expected float32`;

const sameJson = (a: Json | undefined, b: Json | undefined): boolean =>
  a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b);

/** What differs, key by key. */
function describeChanges(name: string, before: Json | undefined, now: Json | undefined): string[] {
  if (isRecord(before) && isRecord(now)) {
    return [...new Set([...Object.keys(before), ...Object.keys(now)])]
      .filter((key) => !sameJson(before[key], now[key]))
      .flatMap((key) => describeChanges(`${name}.${key}`, before[key], now[key]));
  }
  return [`${name} was ${inWords(before)}, is now ${inWords(now)}`];
}

const isRecord = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Digests are told apart by their beginning. */
function inWords(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  return canonicalJson(value).replace(/^"([0-9a-f]{12})[0-9a-f]{52}"$/, '$1...');
}
